// Batch norm in small steps, each right as it stands; a faulty backend replaces one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/backend.h"

namespace normbench::faulty {

// Of the values of one channel in one mini-batch.
struct Statistic {
  double mean = 0;
  double variance = 0;  // biased
};

// Over the same values: dbeta and dgamma.
struct Sums {
  double dy = 0;
  double dy_xh = 0;
};

// One element, with sample `i` counted within its mini-batch.
struct Element {
  std::int64_t i = 0;
  std::int64_t k = 0;
  std::int64_t j = 0;
};

// All that one element of dx is made of.
struct InputGradient {
  float gamma, rstd, dy, xh, mean_dy, mean_dy_xh;
};

inline constexpr std::ptrdiff_t kNowhere = -1;

Statistic two_pass(std::span<const float> values);
Sums sums_in_double(std::span<const float> dy, std::span<const float> xh);
// Position of an element in memory.
std::ptrdiff_t position(const Problem& problem, Element element);
// The values of channel k, sample after sample.
std::vector<float> channel_of(const Problem& problem, const Tensor& tensor, std::int64_t k);

struct Steps {
  std::function<Statistic(std::span<const float> values)> statistic = two_pass;
  // The statistic that y is formed with, given the one that is due.
  std::function<Statistic(const Problem&, const Arguments&, std::int64_t k, Statistic due)>
      statistic_of_y =
          [](const Problem&, const Arguments&, std::int64_t, Statistic due) { return due; };
  std::function<double(double variance, double eps)> rstd;
  std::function<float(float x, float mean, float rstd, float gamma, float beta)> y;
  std::function<double(double variance, double count)> saved_variance;
  std::function<double(double variance, double count)> running_variance;
  std::function<double(double running, double statistic, double momentum)> update;
  std::function<float(float x, float mean, float rstd)> xh;
  std::function<Sums(std::span<const float> dy, std::span<const float> xh)> sums = sums_in_double;
  std::function<float(const InputGradient&)> dx;
  // Where an element of y or dx is written, relative to the start of its mini-batch.
  std::function<std::ptrdiff_t(const Problem&, Element)> place = position;

  Steps();
};

// One prepared kernel, as its behavior sees it.
struct Work {
  const Problem& problem;
  const Arguments& arguments;
  const Steps& steps;
  int call;                    // of run(), from 1
  std::vector<float>& memory;  // the kernel's own, kept between calls
};

// All mini-batches of `problem`, step by step.
void normalize(const Problem& problem, const Arguments& arguments, const Steps& steps);

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
  bool prepares_a_kernel = true;
};

// A backend that behaves so, on batch norm in f32, all passes, both layouts.
std::unique_ptr<Backend> make_backend(std::string_view name, const Behavior& behavior);

}  // namespace normbench::faulty
