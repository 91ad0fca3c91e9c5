// The backends of this build as parameters of tests.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/check.h"
#include "harness/core/backend.h"
#include "tests/faulty/problems.h"

namespace normbench {

inline std::vector<const Backend*> all_backends() {
  std::vector<const Backend*> list;
  for (const auto& backend : backends()) list.push_back(backend.get());
  return list;
}

// Without the repeats of verify, which would take most of the time of all these problems.
inline const CheckOptions kBriefly = {.calls = 2, .calls_if_short = 2};

inline Verdict check_briefly(const Backend& backend, Workspace& workspace, int threads) {
  const std::array<Entrant, 1> one = {{{&backend, threads}}};
  return std::move(check_all(one, workspace, kBriefly).front().verdict);
}

inline std::string backend_name(const testing::TestParamInfo<const Backend*>& info) {
  return faulty::test_name(info.param->name());
}

// GoogleTest would print the bytes of a pointer.
inline void PrintTo(const Backend* backend, std::ostream* out) { *out << backend->name(); }

}  // namespace normbench
