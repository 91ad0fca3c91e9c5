// From arrays to the arguments of core.
#include "harness/nn/normalizer.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace normbench::nn {
namespace {

bool parameters_per_element(const Problem& p) {
  return p.norm == Norm::kLayer || p.norm == Norm::kRms;
}

}  // namespace

const Array& Normalizer::forward(std::string_view who, Problem problem, const Array& x,
                                 const NormState& state) {
  problem.dtype = x.tensor(problem.n, problem.c, problem.l).dtype;
  problem.layout = x.layout();
  problem.batch = problem.n;
  problem.affine = state.gamma != nullptr || state.beta != nullptr;
  problem_ = problem;
  y_.resize(x.sizes(), x.type(), x.layout());
  if (problem.elements() == 0) return y_;

  Arguments a;
  a.x = x.tensor(problem.n, problem.c, problem.l);
  a.y = y_.tensor(problem.n, problem.c, problem.l);
  if (problem.affine) {
    a.gamma = parameter(given_or(state.gamma, spare_gamma_, 1));
    if (problem.norm != Norm::kRms) a.beta = parameter(given_or(state.beta, spare_beta_, 0));
  }
  if (problem.norm == Norm::kBatch) {
    a.running_mean = channels(given_or(state.running_mean, spare_mean_, 0));
    a.running_var = channels(given_or(state.running_var, spare_var_, 0));
  }
  if (problem.pass == Pass::kForwardTraining) {
    for (Array* array : {&mean_, &variance_, &rstd_}) resize_statistic(*array);
    if (problem.norm != Norm::kRms) a.mean = statistic(mean_);
    a.variance = statistic(variance_);
    a.rstd = statistic(rstd_);
  }
  forward_.run(who, problem, a);
  return y_;
}

const Array& Normalizer::backward(std::string_view who, const Array& x, const Array& dy,
                                  const NormState& state, const NormGradients& gradients) {
  Problem problem = problem_;
  problem.pass =
      problem_.pass == Pass::kForwardTraining ? Pass::kBackward : Pass::kBackwardInference;
  dx_.resize(x.sizes(), x.type(), x.layout());
  for (const auto& [gradient, value] :
       {std::pair{gradients.gamma, state.gamma}, {gradients.beta, state.beta}}) {
    if (gradient != nullptr) gradient->resize(value->sizes(), value->type(), value->layout());
  }
  if (problem.elements() == 0) {
    for (Array* gradient : {gradients.gamma, gradients.beta}) {
      if (gradient != nullptr) gradient->fill(0);
    }
    return dx_;
  }

  Arguments a;
  a.x = x.tensor(problem.n, problem.c, problem.l);
  a.dy = dy.tensor(problem.n, problem.c, problem.l);
  a.dx = dx_.tensor(problem.n, problem.c, problem.l);
  if (problem.affine) {
    a.gamma = parameter(given_or(state.gamma, spare_gamma_, 1));
    a.dgamma = parameter(asked_or(gradients.gamma, spare_dgamma_));
    if (problem.norm != Norm::kRms) a.dbeta = parameter(asked_or(gradients.beta, spare_dbeta_));
  }
  if (problem.pass == Pass::kBackwardInference) {
    a.running_mean = channels(*state.running_mean);
    a.running_var = channels(*state.running_var);
  } else {
    if (problem.norm != Norm::kRms) a.mean = statistic(mean_);
    a.variance = statistic(variance_);
    a.rstd = statistic(rstd_);
  }
  backward_.run(who, problem, a);
  return dx_;
}

Denormalized Normalizer::denormalize(std::string_view who, const Array& y,
                                     const NormState& state) const {
  if (y.sizes() != y_.sizes() || y.type() != y_.type() || y.layout() != y_.layout()) {
    throw std::invalid_argument(std::string(who) +
                                ": y must be like the output of the last forward(), " +
                                size_text(y_.sizes()) + ", but got " + size_text(y.sizes()));
  }
  Denormalized result{Array(y.sizes(), y.type(), y.layout()), {}};
  result.bound.resize(static_cast<std::size_t>(y.size()));
  if (y.size() == 0) return result;
  Arguments a;
  a.y = y.tensor(problem_.n, problem_.c, problem_.l);
  if (state.gamma != nullptr) a.gamma = parameter(*state.gamma);
  if (state.beta != nullptr) a.beta = parameter(*state.beta);
  if (problem_.pass == Pass::kForwardTraining) {
    if (problem_.norm != Norm::kRms) a.mean = statistic(mean_);
    a.rstd = statistic(rstd_);
  } else {
    a.running_mean = channels(*state.running_mean);
    a.running_var = channels(*state.running_var);
  }
  normbench::nn::denormalize(problem_, a, forward_.backend().accuracy(problem_),
                             result.x.tensor(problem_.n, problem_.c, problem_.l), result.bound);
  return result;
}

ElementType Normalizer::parameter_type() const {
  return element_type(parameter_dtype(problem_.dtype));
}

Tensor Normalizer::parameter(const Array& array) const {
  Tensor tensor = array.tensor(1, problem_.c, parameters_per_element(problem_) ? problem_.l : 1);
  tensor.layout = problem_.layout;
  return tensor;
}

Tensor Normalizer::channels(const Array& array) const {
  Tensor tensor = array.tensor(1, problem_.c, 1);
  tensor.layout = problem_.layout;
  return tensor;
}

Tensor Normalizer::statistic(const Array& array) const {
  Tensor tensor = array.tensor(array.sizes()[0], array.sizes()[1], 1);
  tensor.layout = problem_.layout;
  return tensor;
}

void Normalizer::resize_statistic(Array& array) {
  const std::int64_t beside = parameters_per_element(problem_) ? 1
                              : problem_.norm == Norm::kGroup  ? problem_.groups
                                                               : problem_.c;
  array.resize({problem_.norm == Norm::kBatch ? 1 : problem_.n, beside}, parameter_type());
}

const Array& Normalizer::given_or(const Array* array, Array& spare, double value) {
  if (array != nullptr) return *array;
  asked_or(nullptr, spare);
  spare.fill(value);
  return spare;
}

Array& Normalizer::asked_or(Array* gradient, Array& spare) {
  if (gradient != nullptr) return *gradient;
  spare.resize({problem_.c * (parameters_per_element(problem_) ? problem_.l : 1)},
               parameter_type());
  return spare;
}

}  // namespace normbench::nn
