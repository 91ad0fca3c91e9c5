// torch.nn.Sequential: layers one after the other.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/nn/module.h"

namespace normbench::nn {

// State has the number of the layer before its names: "0.weight".
class Sequential : public Module {
 public:
  std::string_view name() const override { return "Sequential"; }
  void train(bool on = true) override;
  std::vector<Slot> slots() override;

  // Makes a layer behind the others, which is this module's from then on.
  template <class Layer, class... Arguments>
  Layer& add(Arguments&&... arguments) {
    auto layer = std::make_unique<Layer>(std::forward<Arguments>(arguments)...);
    Layer& reference = *layer;
    layers_.push_back(std::move(layer));
    return reference;
  }
  // The layers in order.
  std::size_t size() const { return layers_.size(); }
  Module& operator[](std::size_t at) { return *layers_[at]; }

 private:
  const Array& run_forward(const Array& x) override;
  const Array& run_backward(const Array& x, const Array& dy) override;

  std::vector<std::unique_ptr<Module>> layers_;
};

}  // namespace normbench::nn
