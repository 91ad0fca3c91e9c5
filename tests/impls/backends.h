// The backends of this build as parameters of tests.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "tests/faulty/problems.h"

namespace normbench {

inline std::vector<const Backend*> all_backends() {
  std::vector<const Backend*> list;
  for (const auto& backend : backends()) list.push_back(backend.get());
  return list;
}

inline std::string backend_name(const testing::TestParamInfo<const Backend*>& info) {
  return faulty::test_name(info.param->name());
}

// GoogleTest would print the bytes of a pointer.
inline void PrintTo(const Backend* backend, std::ostream* out) { *out << backend->name(); }

}  // namespace normbench
