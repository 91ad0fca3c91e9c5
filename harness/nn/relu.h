// torch.nn.ReLU.
#pragma once

#include <string_view>

#include "harness/nn/module.h"

namespace normbench::nn {

// y = max(0, x), and NaN where x is NaN, for data of any sizes, type and layout.
class ReLU : public Module {
 public:
  // Throws std::invalid_argument when threads are below 1.
  explicit ReLU(int threads = 1);
  std::string_view name() const override { return "ReLU"; }

 private:
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;

  int threads_;
  Array y_, dx_;
};

}  // namespace normbench::nn
