// Forward in order, backward in reverse.
#include "harness/nn/sequential.h"

#include <string>

namespace normbench::nn {

void Sequential::train(bool on) {
  Module::train(on);
  for (const auto& layer : layers_) layer->train(on);
}

std::vector<Slot> Sequential::slots() {
  std::vector<Slot> all;
  for (std::size_t at = 0; at < layers_.size(); ++at) {
    for (Slot& slot : layers_[at]->slots()) {
      all.push_back({std::to_string(at) + "." + slot.name, slot.value, slot.gradient});
    }
  }
  return all;
}

const Array& Sequential::run_forward(const Array& x) {
  const Array* y = &x;
  for (const auto& layer : layers_) y = &layer->forward(*y);
  return *y;
}

const Array& Sequential::run_backward(const Array&, const Array& dy) {
  const Array* dx = &dy;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    dx = &(*layer)->backward(*dx);
  }
  return *dx;
}

}  // namespace normbench::nn
