// The norms that the library has operators for, and the identity.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/native_group_norm.h>
#include <ATen/ops/native_group_norm_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/sum.h>

#include <string>
#include <tuple>

#include "impls/aten/kernel.h"

namespace aten {

class Identity final : public AtenKernel {
 public:
  using AtenKernel::AtenKernel;
  std::string detail() const override { return "copy_"; }

 private:
  Results forward(const Buffers& b) override {
    b.y.copy_(b.x);
    return {};
  }
  Results backward(const Buffers& b) override {
    b.dx.copy_(b.dy);
    return {};
  }
};

class BatchNorm final : public AtenKernel {
 public:
  using AtenKernel::AtenKernel;

 private:
  Results forward(const Buffers& b) override {
    return at::native_batch_norm(b.x, kept(b.gamma, b), kept(b.beta, b), b.running_mean,
                                 b.running_var, problem().pass == Pass::kForwardTraining,
                                 problem().momentum, problem().eps);
  }
  Results backward(const Buffers& b) override {
    return at::native_batch_norm_backward(b.dy, b.x, b.gamma, b.running_mean, b.running_var, b.mean,
                                          b.rstd, problem().pass == Pass::kBackward, problem().eps,
                                          wanted());
  }

  // A copy of gamma or beta if it shares memory with a running statistic, which the library updates
  // before it forms y.
  static at::Tensor kept(const at::Tensor& parameter, const Buffers& b) {
    if (!parameter.defined()) return parameter;
    const void* const data = parameter.data_ptr();
    const bool shared = data == b.running_mean.data_ptr() || data == b.running_var.data_ptr();
    return shared ? parameter.clone() : parameter;
  }
};

class LayerNorm final : public AtenKernel {
 public:
  using AtenKernel::AtenKernel;

 private:
  Results forward(const Buffers& b) override {
    return at::native_layer_norm(b.x, b.x.sizes().slice(1), b.gamma, b.beta, problem().eps);
  }
  // gamma is passed for beta, of which only the shape is read.
  Results backward(const Buffers& b) override {
    return at::native_layer_norm_backward(b.dy, b.x, b.x.sizes().slice(1), b.mean, b.rstd, b.gamma,
                                          b.gamma, wanted());
  }
};

class InstanceNorm final : public AtenKernel {
 public:
  using AtenKernel::AtenKernel;

 private:
  Results forward(const Buffers& b) override {
    Results results = at::native_batch_norm(one_sample(b.x), repeated(b.gamma), repeated(b.beta),
                                            {}, {}, true, 0, problem().eps);
    std::get<0>(results) = deliver(std::get<0>(results), b.y);
    return results;
  }
  Results backward(const Buffers& b) override {
    const auto [dx, dgamma, dbeta] =
        at::native_batch_norm_backward(one_sample(b.dy), one_sample(b.x), repeated(b.gamma), {}, {},
                                       b.mean, b.rstd, true, problem().eps, wanted());
    if (problem().affine) {
      at::Tensor sum_of_gamma = b.dgamma;
      at::Tensor sum_of_beta = b.dbeta;
      at::sum_out(sum_of_gamma, dgamma.view({problem().batch, problem().c}), 0);
      at::sum_out(sum_of_beta, dbeta.view({problem().batch, problem().c}), 0);
    }
    return {deliver(dx, b.dx), {}, {}};
  }

  at::Tensor repeated(const at::Tensor& vector) const {
    return vector.defined() ? vector.repeat({problem().batch}) : vector;
  }
  at::Tensor one_sample(const at::Tensor& data) const {
    return data.contiguous().view({1, problem().batch * problem().c, problem().l});
  }
};

class GroupNorm final : public AtenKernel {
 public:
  using AtenKernel::AtenKernel;

 private:
  Results forward(const Buffers& b) override {
    const Problem& p = problem();
    Results results = at::native_group_norm(b.x.contiguous(), b.gamma, b.beta, p.batch, p.c, p.l,
                                            p.groups, p.eps);
    std::get<0>(results) = deliver(std::get<0>(results), b.y);
    return results;
  }
  Results backward(const Buffers& b) override {
    const Problem& p = problem();
    Results results =
        at::native_group_norm_backward(b.dy.contiguous(), b.x.contiguous(), b.mean, b.rstd, b.gamma,
                                       p.batch, p.c, p.l, p.groups, wanted());
    std::get<0>(results) = deliver(std::get<0>(results), b.dx);
    return results;
  }
};

}  // namespace aten
