// One normalization forward and backward, with the buffers that no user sees.
#pragma once

#include <string_view>

#include "harness/nn/array.h"
#include "harness/nn/denormalize.h"
#include "harness/nn/runner.h"

namespace normbench::nn {

// What a normalization reads and updates beside its input; nullptr where it has none. gamma and
// beta, each or both, may be absent, also where the other is not.
struct NormState {
  const Array* gamma = nullptr;
  const Array* beta = nullptr;
  Array* running_mean = nullptr;
  Array* running_var = nullptr;
};

// Of those that NormState has, where they are asked for. They get the sizes of these.
struct NormGradients {
  Array* gamma = nullptr;
  Array* beta = nullptr;
};

class Normalizer {
 public:
  // Throws as Runner.
  explicit Normalizer(const On& on) : forward_(on), backward_(on) {}

  // y for x, of the same sizes, type and layout. `problem` has norm, pass, n, c, l, groups, eps and
  // momentum; the rest follows. Batch norm in training updates the running statistics that it is
  // given. Where there are no values nothing happens: y has none either.
  const Array& forward(std::string_view who, Problem problem, const Array& x,
                       const NormState& state);

  // dx for dy, and the gradients that are asked for, of the last forward().
  const Array& backward(std::string_view who, const Array& x, const Array& dy,
                        const NormState& state, const NormGradients& gradients);

  // Of the last forward().
  const Problem& problem() const { return problem_; }
  // In training, by the table of core/arguments.h. The variance is biased.
  const Array& mean() const { return mean_; }
  const Array& variance() const { return variance_; }
  const Array& rstd() const { return rstd_; }
  // Of batch norm in training where no running statistics were given: one step from zero. With a
  // momentum of 1 these are the mean and the unbiased variance.
  const Array& batch_mean() const { return spare_mean_; }
  const Array& batch_var() const { return spare_var_; }

  // The x that the last forward() made `y` of; see denormalize.h. Throws std::invalid_argument when
  // y is not like its output.
  Denormalized denormalize(std::string_view who, const Array& y, const NormState& state) const;

 private:
  // Views of arrays with the dimensions of core/arguments.h.
  Tensor parameter(const Array& array) const;
  Tensor channels(const Array& array) const;
  Tensor statistic(const Array& array) const;
  void resize_statistic(Array& array);
  const Array& given_or(const Array* array, Array& spare, double value);
  Array& asked_or(Array* gradient, Array& spare);
  ElementType parameter_type() const;

  Runner forward_, backward_;
  Problem problem_;
  Array y_, dx_;
  Array mean_, variance_, rstd_;
  Array spare_mean_, spare_var_, spare_gamma_, spare_beta_, spare_dgamma_, spare_dbeta_;
};

}  // namespace normbench::nn
