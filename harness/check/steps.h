// Every norm in small steps, each right as it stands. Mistakes that are often made (mistakes.h) and
// the faulty backends of the tests replace one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "harness/core/arguments.h"
#include "harness/core/problem.h"

namespace normbench::steps {

// In double, which holds every storage type.
using Values = std::span<const double>;

// Of all values that one statistic is made of.
struct Statistic {
  double mean = 0;      // 0 for rms
  double variance = 0;  // biased; for rms the mean square
};

// Of g and of g * xh over some values.
struct Sums {
  double g = 0;
  double g_xh = 0;
};

// One element, with sample `i` counted within its mini-batch.
struct Element {
  std::int64_t i = 0;
  std::int64_t k = 0;
  std::int64_t j = 0;
};

// All that one element of y is made of.
struct Output {
  double x, mean, rstd, gamma, beta;
};

// All that one element of dx is made of. With g = dy * gamma, the means are over the statistic.
struct InputGradient {
  double rstd, gamma, dy, xh, g, mean_g, mean_g_xh;
};

inline constexpr std::ptrdiff_t kNowhere = -1;

// Whether y and dx are formed with running statistics.
bool uses_running_statistics(const Problem& problem);

// Position of an element in memory, and the places of its statistic and of its element of gamma and
// beta: in harness/core/tiles.h, unlike those of the check.
std::ptrdiff_t position(const Problem& problem, Element element);
std::int64_t statistic_of(const Problem& problem, Element element);
std::int64_t parameter_of(const Problem& problem, Element element);

// Calls visit(element) for every element of a mini-batch: samples, then channels, then positions.
template <class Visit>
void for_each_element(const Problem& p, Visit visit) {
  for (std::int64_t i = 0; i < p.batch; ++i) {
    for (std::int64_t k = 0; k < p.c; ++k) {
      for (std::int64_t j = 0; j < p.l; ++j) visit(Element{i, k, j});
    }
  }
}

// One element of any dtype, which may lie outside of the tensor.
double load(const Tensor& tensor, std::ptrdiff_t at);
void store(const Tensor& tensor, std::ptrdiff_t at, double value);
// `value` after a round trip through a type.
double rounded(DType dtype, double value);

// The values of statistic `at`, in the order of for_each_element().
std::vector<double> values_of(const Problem& problem, const Tensor& tensor, std::int64_t at);

// The honest steps that are more than one line: sums in long double.
Statistic two_pass(const Problem& problem, Values values);
Sums sums_of(Values g, Values xh);
double dx_of(const Problem& problem, const InputGradient& terms);

struct Steps {
  // How elements are grouped.
  std::function<std::int64_t(const Problem&, Element)> statistic_at = statistic_of;
  std::function<std::int64_t(const Problem&, Element)> parameter_at = parameter_of;
  // Where a statistic is saved by the forward pass and read by the backward pass.
  std::function<std::int64_t(const Problem&, std::int64_t at)> saved_at;
  // Where an element of y or dx is written, relative to the start of its mini-batch.
  std::function<std::ptrdiff_t(const Problem&, Element)> place = position;

  std::function<Statistic(const Problem&, Values)> statistic = two_pass;
  // The statistic that y is formed with, given the one that is due.
  std::function<Statistic(const Problem&, const Arguments&, std::int64_t at, Statistic due)>
      statistic_of_y;
  std::function<double(double variance, double eps)> rstd;
  std::function<double(const Output&)> y;
  std::function<double(double variance, double count)> saved_variance;
  std::function<double(double rstd)> saved_rstd;
  std::function<double(double variance, double count)> running_variance;
  std::function<double(double running, double statistic, double momentum)> update;

  std::function<double(double x, double mean, double rstd)> xh;
  std::function<double(double dy, double gamma)> g;
  // Over the values of a statistic, for dx, and over those of a parameter, in a mini-batch: dbeta
  // and dgamma.
  std::function<Sums(const Problem&, Values g, Values xh)> sums;
  std::function<Sums(const Problem&, Values dy, Values xh)> gradients;
  std::function<double(const Problem&, const InputGradient&)> dx = dx_of;

  // What none does to x or dy.
  std::function<double(double value)> copy;
  // How y and dx are rounded on their way into memory.
  std::function<double(DType, double value)> stored = rounded;

  Steps();
};

// All mini-batches of `problem`, step by step.
void normalize(const Problem& problem, const Arguments& arguments, const Steps& steps);

}  // namespace normbench::steps
