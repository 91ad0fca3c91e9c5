// Batch norm of evaluation as a part of its neighbors.
#pragma once

#include <string_view>
#include <vector>

#include "harness/nn/batch_norm.h"
#include "harness/nn/conv1d.h"
#include "harness/nn/linear.h"

namespace normbench::nn {

// With s = weight / sqrt(running_var + eps), batch norm in evaluation is (x - running_mean) * s +
// bias. So the layer before it with the weight w * s and the bias (b - running_mean) * s + bias,
// for each output channel, gives what both gave. These are found in long double and rounded once.
//
// With `relu` the result also has the ReLU behind the norm, in the same sweep. Throws
// std::invalid_argument when the norm has no running statistics, has not as many features as the
// layer has outputs, or parameters of another type, and when the layer has a relu of its own.
Linear fold(const Linear& layer, const BatchNorm1d& norm, bool relu = false);
Conv1d fold(const Conv1d& layer, const BatchNorm1d& norm, bool relu = false);

// Batch norm of evaluation in one sweep, and with `relu` also the ReLU behind it: x * scale +
// shift, with scale = s and shift = bias - running_mean * s. It is not for training: backward()
// throws std::logic_error.
class ScaleShift : public Module {
 public:
  // Throws std::invalid_argument when the norm has no running statistics, and where threads are
  // below 1.
  explicit ScaleShift(const BatchNorm1d& norm, bool relu = false, int threads = 1);

  std::string_view name() const override { return "ScaleShift"; }
  std::vector<Slot> slots() override;

  Array scale, shift;  // (C)
  bool relu;

 private:
  // (N, C) and (N, C, L) in either layout, of C channels, with data whose type goes with that of
  // the parameters; else std::invalid_argument.
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;

  DType dtype_;
  int threads_;
  Array y_;
};

}  // namespace normbench::nn
