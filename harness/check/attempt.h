// Work of a backend, in whichever process: what goes wrong there is its failure, and nobody else's.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "harness/check/check.h"
#include "harness/core/backend.h"

namespace normbench {

// What comes before the reasons of a failure.
struct AttemptWords {
  std::string_view thrown = "threw: ";
  std::string_view left = "";
};

// Does `work`. The verdict when it throws, or leaves the process that did it otherwise than it was,
// which is put back; nothing when all is well. Interrupted goes through.
std::optional<Verdict> attempt(const Backend& backend, const AttemptWords& words,
                               const std::function<void()>& work);

}  // namespace normbench
