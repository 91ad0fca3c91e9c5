// What all layers have in common: a mode, forward and backward, and state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/nn/array.h"
#include "harness/nn/state_dict.h"

namespace normbench::nn {

// Where a module computes: a backend of this build, by name, and the threads that it may use.
struct On {
  std::string backend = "naive";
  int threads = 1;
};

// A part of a module's state. Parameters have a gradient; buffers have none.
struct Slot {
  std::string name;  // "weight", in a Sequential "0.weight"
  Array* value;
  Array* gradient;
};

// As torch.nn.Module. Errors that are a ValueError in PyTorch are std::invalid_argument here, and a
// RuntimeError is std::runtime_error, with PyTorch's words where it has any.
//
// A module is not copied, and not used by two threads at a time. It may be moved.
class Module {
 public:
  virtual ~Module() = default;

  // "BatchNorm1d".
  virtual std::string_view name() const = 0;

  // The output for x. It is the module's own, and holds until the next forward(). backward() reads
  // x again: until then it must stay where and as it is, and so must parameters and buffers.
  const Array& forward(const Array& x);
  const Array& forward(const Array&& x) = delete;

  // The gradient of a loss by x, given dy, the one by the output of the last forward(): of the same
  // sizes, type and layout. It is the module's own, and holds until the next backward(). The
  // gradients of the parameters become those of this call: nothing is added up. Throws
  // std::logic_error when nothing went forward since the module was made or loaded, and
  // std::invalid_argument when dy is not like the output.
  const Array& backward(const Array& dy);

  // The mode, which is training at first. It matters from the next forward() on.
  virtual void train(bool on = true) { training_ = on; }
  void eval() { train(false); }
  bool training() const { return training_; }

  // All state, in the order of state_dict(). The pointers hold as long as the module is where it
  // is, and nobody takes a parameter or buffer away.
  virtual std::vector<Slot> slots() { return {}; }
  // Those with gradients.
  std::vector<Slot> parameters();

  // Copies of all state.
  StateDict state_dict() const;
  // Takes over the values, rounded to the module's types. All of them, or none: throws
  // std::runtime_error with all that is wrong, in PyTorch's words. Without `strict` names may be
  // missing or unexpected. A counter may have one dimension of size 1, as in files of PyTorch 0.3;
  // num_batches_tracked may be missing where the version says that the dict is old, and is kept.
  LoadReport load_state_dict(const StateDict& state, bool strict = true);

 protected:
  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;

 private:
  virtual const Array& run_forward(const Array& x) = 0;
  virtual const Array& run_backward(const Array& x, const Array& dy) = 0;

  bool training_ = true;
  const Array* x_ = nullptr;  // of the last forward()
  const Array* y_ = nullptr;
};

}  // namespace normbench::nn
