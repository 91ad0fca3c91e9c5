// A backend that takes the steps of harness/check/steps.h, one after the other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/check/steps.h"
#include "harness/core/backend.h"

namespace normbench::faulty {

using namespace steps;  // NOLINT(google-build-using-namespace): faulty backends are made of them

// One prepared kernel, as its behavior sees it.
struct Work {
  const Problem& problem;
  const Arguments& arguments;
  const Steps& steps;
  int call;                    // of run(), from 1
  std::vector<float>& memory;  // the kernel's own, kept between calls
};

inline void nothing(const Work&) {}
inline void normalize_all(const Work& work) { normalize(work.problem, work.arguments, work.steps); }

// What a backend does at each call of the interface; as it stands, an honest one.
struct Behavior {
  Steps steps = {};
  Accuracy claim = {};
  std::function<void(const Work&)> prepare = nothing;
  std::function<void(const Work&)> load = nothing;
  std::function<void(const Work&)> run = normalize_all;
  std::function<void(const Work&)> collect = nothing;
  // What supports(), accuracy() and detail() do beside their answer.
  std::function<void()> when_asked_for_support = [] {};
  std::function<void()> when_asked_for_accuracy = [] {};
  std::function<void()> when_asked_for_detail = [] {};
  bool native_layout = false;
  bool repeatable = true;
  bool prepares_a_kernel = true;
  std::string declines = {};  // the reason why no problem is supported; empty when all are
};

// A backend that behaves so.
std::unique_ptr<Backend> make_backend(std::string_view name, const Behavior& behavior);

}  // namespace normbench::faulty
