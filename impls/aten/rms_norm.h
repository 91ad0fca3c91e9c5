// RMS norm, composed of other operators, since 1.13 has none for it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/add.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>

#include <string>

#include "impls/aten/kernel.h"

namespace aten {

// y = x * rstd * gamma, one operator after the other on the whole mini-batch, as in PyTorch's own
// rms_norm, but into memory that is allocated before. 16-bit data is widened first.
class RmsNorm final : public AtenKernel {
 public:
  RmsNorm(const Problem& problem, const Arguments& arguments, int threads)
      : AtenKernel(problem, arguments, threads),
        parameters_(scalar_type(normbench::parameter_dtype(problem.dtype))) {
    const Dimensions sizes = spell(problem).sizes;
    for (at::Tensor* scratch : {&product_, &normalized_}) *scratch = at::empty(sizes, parameters_);
    if (is_narrow(problem.dtype)) {
      for (at::Tensor* scratch : {&wide_x_, &wide_dy_}) *scratch = at::empty(sizes, parameters_);
    }
    for (at::Tensor* column : {&mean_, &rstd_}) *column = at::empty({sizes[0], 1}, parameters_);
  }
  std::string detail() const override { return "composed"; }

 private:
  Results forward(const Buffers& b) override {
    const at::Tensor& x = widened(b.x, wide_x_);
    at::Tensor mean_square = b.variance.defined() ? b.variance : mean_;
    at::Tensor rstd = b.rstd.defined() ? b.rstd : rstd_;
    at::mul_out(product_, x, x);
    at::mean_out(mean_square, product_, 1, true);
    at::add_out(rstd, mean_square, problem().eps).rsqrt_();
    at::Tensor y = is_narrow(problem().dtype) ? product_ : b.y;
    at::mul_out(y, x, rstd);
    if (b.gamma.defined()) y.mul_(b.gamma);
    if (!y.is_same(b.y)) b.y.copy_(y);
    return {};
  }

  // With xh = x * rstd and g = dy * gamma: dgamma = sum(dy * xh), dx = rstd * (g - xh * mean(g *
  // xh))
  Results backward(const Buffers& b) override {
    const at::Tensor& dy = widened(b.dy, wide_dy_);
    at::mul_out(normalized_, widened(b.x, wide_x_), b.rstd);
    at::mul_out(product_, dy, normalized_);
    at::Tensor dgamma = b.dgamma;
    if (dgamma.defined()) at::sum_out(dgamma, product_, 0);
    if (b.gamma.defined()) product_.mul_(b.gamma);
    at::mean_out(mean_, product_, 1, true);
    if (b.gamma.defined()) at::mul_out(product_, dy, b.gamma);
    at::addcmul_out(product_, b.gamma.defined() ? product_ : dy, normalized_, mean_, -1);
    at::Tensor dx = is_narrow(problem().dtype) ? product_ : b.dx;
    at::mul_out(dx, product_, b.rstd);
    if (!dx.is_same(b.dx)) b.dx.copy_(dx);
    return {};
  }

  const at::Tensor& widened(const at::Tensor& data, at::Tensor& wide) const {
    return is_narrow(problem().dtype) ? wide.copy_(data) : data;
  }

  at::ScalarType parameters_;
  at::Tensor product_, normalized_;  // of the size of x, like the next two
  at::Tensor wide_x_, wide_dy_;
  at::Tensor mean_, rstd_;  // one value per sample
};

}  // namespace aten
