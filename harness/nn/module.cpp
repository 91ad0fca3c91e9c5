// State is looked at as a whole before any of it is loaded.
#include "harness/nn/module.h"

#include <algorithm>
#include <stdexcept>

#include "harness/nn/text.h"

namespace normbench::nn {
namespace {

bool may_be_missing(const std::string& name, const StateDict& state) {
  constexpr std::string_view kCounter = "num_batches_tracked";
  return name.ends_with(kCounter) && state.version.value_or(1) < 2;
}

bool is_counter(const Array& array) { return array.type() == ElementType::kI64; }

// What is wrong with `stored` as the new value of `slot`, or nothing.
std::string mismatch(const Slot& slot, const Array& stored) {
  const Sizes& own = slot.value->sizes();
  const bool scalar_of_old_file = own.empty() && stored.sizes() == Sizes{1};
  if (stored.sizes() != own && !scalar_of_old_file) {
    return "size mismatch for " + slot.name + ": copying a param with shape " +
           size_text(stored.sizes()) + " from checkpoint, the shape in current model is " +
           size_text(own) + ".";
  }
  if (is_counter(stored) != is_counter(*slot.value)) {
    return "type mismatch for " + slot.name + ": copying a param of " +
           std::string(name(stored.type())) + " from checkpoint, the type in current model is " +
           std::string(name(slot.value->type())) + ".";
  }
  return "";
}

}  // namespace

const Array& Module::forward(const Array& x) {
  x_ = nullptr;
  const Array& y = run_forward(x);
  x_ = &x;
  y_ = &y;
  return y;
}

const Array& Module::backward(const Array& dy) {
  if (x_ == nullptr) {
    throw std::logic_error(std::string(name()) + ": backward() wants a forward() before it");
  }
  if (dy.sizes() != y_->sizes() || dy.type() != y_->type() || dy.layout() != y_->layout()) {
    const auto text = [](const Array& array) {
      return size_text(array.sizes()) + " of " + std::string(nn::name(array.type())) + ", " +
             std::string(normbench::name(array.layout()));
    };
    throw std::invalid_argument(std::string(name()) + ": dy must be like the output, " + text(*y_) +
                                ", but got " + text(dy));
  }
  return run_backward(*x_, dy);
}

std::vector<Slot> Module::parameters() {
  std::vector<Slot> all = slots();
  std::erase_if(all, [](const Slot& slot) { return slot.gradient == nullptr; });
  return all;
}

StateDict Module::state_dict() const {
  StateDict state{.version = StateDict::kVersion};
  // slots() changes nothing: it hands out what can be changed.
  for (const Slot& slot : const_cast<Module*>(this)->slots()) {
    state.entries.emplace_back(slot.name, *slot.value);
  }
  return state;
}

LoadReport Module::load_state_dict(const StateDict& state, bool strict) {
  LoadReport report;
  std::vector<std::string> errors;
  const std::vector<Slot> own = slots();
  for (const Slot& slot : own) {
    const Array* stored = state.find(slot.name);
    if (stored == nullptr) {
      if (!may_be_missing(slot.name, state)) report.missing.push_back(slot.name);
    } else if (const std::string error = mismatch(slot, *stored); !error.empty()) {
      errors.push_back(error);
    }
  }
  for (const auto& [key, array] : state.entries) {
    const auto has_name = [&key = key](const Slot& slot) { return slot.name == key; };
    if (std::none_of(own.begin(), own.end(), has_name)) report.unexpected.push_back(key);
  }
  if (strict && !report.unexpected.empty()) {
    errors.insert(errors.begin(),
                  "Unexpected key(s) in state_dict: " + quoted(report.unexpected) + ". ");
  }
  if (strict && !report.missing.empty()) {
    errors.insert(errors.begin(), "Missing key(s) in state_dict: " + quoted(report.missing) + ". ");
  }
  if (!errors.empty()) {
    std::string text = "Error(s) in loading state_dict for " + std::string(name()) + ":";
    for (const std::string& error : errors) text += "\n\t" + error;
    throw std::runtime_error(text);
  }
  for (const Slot& slot : own) {
    const Array* stored = state.find(slot.name);
    if (stored != nullptr) convert(laid_out(*stored, slot.value->layout()), *slot.value);
  }
  x_ = nullptr;
  return report;
}

}  // namespace normbench::nn
