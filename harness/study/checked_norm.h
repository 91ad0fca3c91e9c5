// A batch norm that is held to the bounds of the check at every call of a training.
#pragma once

#include <string_view>
#include <vector>

#include "harness/core/backend.h"
#include "harness/nn/batch_norm.h"

namespace normbench::study {

// Does what the BatchNorm1d in it does, for data and parameters in f32.
class CheckedBatchNorm : public nn::Module {
 public:
  CheckedBatchNorm(std::int64_t channels, const nn::BatchNormOptions& options, const nn::On& on);

  std::string_view name() const override { return norm.name(); }
  std::vector<nn::Slot> slots() override { return norm.slots(); }
  void train(bool on = true) override {
    nn::Module::train(on);
    norm.train(on);
  }

  // Of y and the running statistics in training, dx, dgamma and dbeta, over all calls so far: the
  // largest error in units of its bound (harness/check/oracle.h, for the accuracy that the backend
  // claims). Infinity where a value is no number and has to be one.
  double worst() const { return worst_; }

  nn::BatchNorm1d norm;

 private:
  const nn::Array& run_forward(const nn::Array& x) override;
  const nn::Array& run_backward(const nn::Array& x, const nn::Array& dy) override;
  Problem problem(const nn::Array& x, Pass pass) const;
  void see(double got, double expected, double bound);

  const Backend* backend_;
  double worst_ = 0;
};

}  // namespace normbench::study
