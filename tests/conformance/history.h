// Random histories of a module and of torch::nn's: modes, flags, momentum, batches of every kind,
// state saved and loaded midway. After each step both have the same state, outputs and gradients
// within the bounds of both, and they raise errors at the same steps, in the same words.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "harness/check/known_defects.h"
#include "harness/nn/checkpoint.h"
#include "harness/nn/module.h"
#include "tests/conformance/history_step.h"
#include "tests/conformance/torch_views.h"
#include "tests/nn/arrays.h"

namespace normbench::conformance {

namespace ours = normbench::nn;

using ours::Array;
using ours::ElementType;
using ours::Sizes;

// The same memory.
inline at::Tensor torch_view(const Array& array) {
  const auto type = ours::dtype_of(array.type());
  const auto options = at::TensorOptions(type ? scalar_type(*type) : at::kLong);
  // at::from_blob takes a pointer that is not const; nobody writes.
  auto* data = const_cast<std::byte*>(array.bytes().data());
  const Sizes& sizes = array.sizes();
  if (array.layout() == Layout::kNcl) return at::from_blob(data, sizes, options);
  return at::from_blob(data, sizes, {sizes[1] * sizes[2], 1, sizes[1]}, options);
}

// In the order of memory of `like`.
inline std::vector<double> values_like(const Array& like, const at::Tensor& tensor) {
  Array array(like.sizes(), like.type(), like.layout());
  torch_view(array).copy_(tensor.detach());
  return array.values();
}

inline std::vector<double> values(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor wide = tensor.detach().to(at::kDouble).contiguous();
  return {wide.data_ptr<double>(), wide.data_ptr<double>() + wide.numel()};
}

inline std::vector<double> values(const std::optional<Array>& array) {
  return array ? array->values() : std::vector<double>();
}

// "torch.Size([1, 2])" is "[1, 2]" in C++.
inline std::string in_cpp(std::string text) {
  const std::string begin = "torch.Size(";
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin)) {
    text.erase(text.find(')', at), 1);
    text.erase(at, begin.size());
  }
  return text;
}

// What is thrown, in words; empty when nothing is.
template <class Function>
inline std::string error_of(Function function) {
  try {
    function();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    return in_cpp(error.what());
  }
  return "";
}

// What a history is about.
struct Setting {
  std::int64_t channels;
  DType dtype;
  bool affine, tracked;
  std::optional<double> momentum;
  double eps;
  std::string backend;
  int threads;
};

inline std::optional<double> a_momentum(Choices& choices) {
  return choices.of<std::optional<double>>({std::nullopt, 0.1, 0.1, 0.5, 0.0, 1.0, 1.2, -0.2});
}

inline Setting a_setting(Choices& choices) {
  std::vector<std::string> names;
  for (const auto& backend : backends()) names.emplace_back(backend->name());
  return {.channels = choices.between(1, 6),
          .dtype = choices.of<DType>({DType::kF32, DType::kF32, DType::kF64, DType::kBf16}),
          .affine = !choices.one_in(3),
          .tracked = !choices.one_in(4),
          .momentum = a_momentum(choices),
          .eps = choices.of<double>({1e-5, 1e-3, 0.5}),
          .backend = choices.of(names),
          .threads = static_cast<int>(choices.between(1, 2))};
}

inline const Backend& backend_of(const Setting& setting) {
  return **std::find_if(backends().begin(), backends().end(),
                        [&](const auto& backend) { return backend->name() == setting.backend; });
}

inline Problem problem_of(const Array& x, Norm norm, const Setting& setting) {
  const Sizes& sizes = x.sizes();
  return {.norm = norm,
          .dtype = setting.dtype,
          .layout = x.layout(),
          .n = sizes[0],
          .c = sizes[1],
          .l = sizes.size() == 3 ? sizes[2] : 1,
          .batch = sizes[0],
          .affine = setting.affine};
}

// Numbers of the type of the setting, in some cases far from 0.
inline Array drawn(Choices& choices, const Setting& setting, const Sizes& sizes,
                   Layout layout = Layout::kNcl) {
  return ours::random_array(sizes, choices.seed(), ours::element_type(setting.dtype), layout,
                            choices.one_in(4) ? 30 : 0.5);
}

inline Layout a_layout(Choices& choices) { return choices.one_in(2) ? Layout::kNcl : Layout::kNlc; }

inline bool has_problem(const Array& x) {
  return (x.sizes().size() == 2 || x.sizes().size() == 3) && x.size() != 0;
}

inline Spelled spelled_of(const Problem& problem, const Array& x) {
  return x.sizes().size() == 3 ? Spelled(problem, {problem.l}) : Spelled(problem);
}

// Whether both sides can be asked about this input, so that they differ in nothing but what they
// are.
inline bool both_take(const Problem& forward, const Array& x, const Setting& setting,
                      bool tracked) {
  for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference, Pass::kBackward}) {
    Problem problem = forward;
    problem.pass = pass;
    Spelled spelled = spelled_of(problem, x);
    spelled.tracked = tracked;
    if (!torch_supports(spelled)) return false;
    // What PyTorch refuses is a part of the history.
    if (!invalid(problem) && !backend_of(setting).supports(problem).supported) return false;
    const Backend& backend = backend_of(setting);
    if (known_defect(backend.name(), backend.version(), problem) != nullptr) return false;
  }
  return true;
}

inline Claims claims_of(const Backend& backend, const Problem& forward, const Problem& backward) {
  return {backend.accuracy(forward), backend.accuracy(backward)};
}

inline Problem backward_of(Problem problem) {
  problem.pass =
      problem.pass == Pass::kForwardTraining ? Pass::kBackward : Pass::kBackwardInference;
  return problem;
}

inline void put(const at::Tensor& tensor, const Array& array) {
  const at::NoGradGuard no_gradients;
  tensor.copy_(torch_view(array));
}

// What both kinds of history have in common.
template <class Mine, class Torch>
class History {
 public:
  explicit History(std::uint64_t seed)
      : choices(seed),
        setting(a_setting(choices)),
        mean_apart(setting.channels),
        var_apart(setting.channels) {}

  // Runs to the end. Every step is checked.
  void run() {
    make_modules();
    for (int step = 0; step < 14; ++step) {
      SCOPED_TRACE("step " + std::to_string(step) + " on " + setting.backend + ", " +
                   std::string(name(setting.dtype)));
      if (choices.one_in(2)) change_something();
      // Parameters of f32 go with data in either.
      if (setting.dtype != DType::kF64) {
        setting.dtype = choices.of<DType>({DType::kF32, DType::kF32, DType::kBf16});
      }
      step_forward(an_input());
      expect_the_same_state();
      if (testing::Test::HasFailure()) return;
    }
  }

  int refused = 0, steps = 0, empty = 0, exchanged = 0, flags = 0;

 protected:
  virtual ~History() = default;

  Mine a_module() {
    return Mine(setting.channels,
                {.eps = setting.eps,
                 .momentum = setting.momentum,
                 .affine = setting.affine,
                 .track_running_stats = setting.tracked,
                 .dtype = parameter_dtype(setting.dtype)},
                {.backend = setting.backend, .threads = setting.threads});
  }

  void make_modules() {
    using Options = std::remove_cvref_t<decltype(torch->options)>;
    mine = std::make_unique<Mine>(a_module());
    torch = Torch(Options(setting.channels)
                      .eps(setting.eps)
                      .affine(setting.affine)
                      .track_running_stats(setting.tracked));
    torch->to(scalar_type(parameter_dtype(setting.dtype)));
    set_momentum(setting.momentum);
  }

  // Usual, or of a kind that is refused or empty.
  virtual Array an_input() = 0;
  virtual void step_forward(const Array& x) = 0;

  void change_something() {
    switch (choices.below(9)) {
      case 0:
      case 1:
      case 2:
        mine->train(!mine->training());
        torch->train(mine->training());
        break;
      case 3:
        set_momentum(a_momentum(choices));
        break;
      case 4:
        mine->eps = choices.of<double>({1e-5, 1e-2});
        torch->options.eps(mine->eps);
        break;
      case 5:
        mine->track_running_stats = !mine->track_running_stats;
        ++flags;
        break;
      case 6:
        draw_parameters();
        break;
      case 7:
        reload();
        break;
      default:
        exchange();
    }
  }

  virtual void set_momentum(std::optional<double> momentum) = 0;

  void draw_parameters() {
    for (const ours::Slot& slot : mine->parameters()) {
      *slot.value = ours::random_array(slot.value->sizes(), choices.seed(), slot.value->type());
      put(slot.name == "weight" ? torch->weight : torch->bias, *slot.value);
    }
  }

  // Another module with the same settings goes on from a file.
  void reload() {
    const auto file = ours::to_safetensors(mine->state_dict());
    Mine other = a_module();
    other.eps = mine->eps;
    other.momentum = mine->momentum;
    other.track_running_stats = mine->track_running_stats;
    other.train(mine->training());
    other.load_state_dict(ours::from_safetensors(file, "the file"));
    *mine = std::move(other);
  }

  // One side takes over the state of the other.
  void exchange() {
    ++exchanged;
    const bool from_torch = choices.one_in(2);
    const std::vector<std::pair<std::string, at::Tensor*>> tensors = {
        {"weight", &torch->weight},
        {"bias", &torch->bias},
        {"running_mean", &torch->running_mean},
        {"running_var", &torch->running_var},
        {"num_batches_tracked", &torch->num_batches_tracked}};
    ours::StateDict state = mine->state_dict();
    for (const auto& [key, tensor] : tensors) {
      for (auto& entry : state.entries) {
        if (entry.first != key) continue;
        if (from_torch) {
          torch_view(entry.second).copy_(tensor->detach());
        } else {
          put(*tensor, entry.second);
        }
      }
    }
    if (from_torch) mine->load_state_dict(state);
    mean_apart.same_again();
    var_apart.same_again();
  }

  void expect_the_same_state() {
    EXPECT_EQ(values(mine->weight), values(torch->weight));
    EXPECT_EQ(values(mine->bias), values(torch->bias));
    EXPECT_EQ(values(mine->num_batches_tracked), values(torch->num_batches_tracked));
    mean_apart.expect("running_mean", values(mine->running_mean), values(torch->running_mean));
    var_apart.expect("running_var", values(mine->running_var), values(torch->running_var));
  }

  Vectors vectors_of_mine() const {
    return {values(mine->weight), values(mine->bias), values(mine->running_mean),
            values(mine->running_var)};
  }
  Vectors vectors_of_torch() const {
    return {values(torch->weight), values(torch->bias), values(torch->running_mean),
            values(torch->running_var)};
  }

  // Both forward, with the same words where they refuse; whether there is something to compare.
  template <class Forward>
  bool both_forward(const Array& x, Forward torch_forward) {
    ++steps;
    torch_x = torch_view(x).detach();
    torch_x.requires_grad_(true);
    torch->zero_grad();
    const std::string of_torch = error_of([&] { torch_y = torch_forward(torch_x); });
    const std::string of_mine = error_of([&] { my_y = &mine->forward(x); });
    EXPECT_EQ(of_mine, of_torch);
    if (!of_mine.empty()) ++refused;
    return of_mine.empty() && of_torch.empty();
  }

  // Both backward: all that they left of this step.
  Outcomes outcomes_of_mine(const Array& dy) {
    Outcomes left{
        .y = my_y->values(), .dx = mine->backward(dy).values(), .dgamma = {}, .dbeta = {}};
    for (const ours::Slot& slot : mine->parameters()) {
      (slot.name == "weight" ? left.dgamma : left.dbeta) = slot.gradient->values();
    }
    return left;
  }
  Outcomes outcomes_of_torch(const Array& x, const Array& dy) {
    torch_y.backward(torch_view(dy));
    return {.y = values_like(x, torch_y),
            .dx = values_like(x, torch_x.grad()),
            .dgamma = values(torch->weight.defined() ? torch->weight.grad() : at::Tensor()),
            .dbeta = values(torch->bias.defined() ? torch->bias.grad() : at::Tensor())};
  }

  Choices choices;
  Setting setting;
  std::unique_ptr<Mine> mine;
  Torch torch{nullptr};
  const Array* my_y = nullptr;
  at::Tensor torch_x, torch_y;
  Apart mean_apart, var_apart;
};

// What has happened in many histories: each kind of event must have.
template <class OneHistory>
void expect_conformance_of(std::uint64_t histories) {
  int refused = 0;
  int steps = 0;
  int empty = 0;
  int exchanged = 0;
  int flags = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    SCOPED_TRACE("history " + std::to_string(seed));
    OneHistory history(seed);
    history.run();
    if (testing::Test::HasFailure()) return;
    refused += history.refused;
    steps += history.steps;
    empty += history.empty;
    exchanged += history.exchanged;
    flags += history.flags;
  }
  const auto least = static_cast<int>(histories / 3);
  EXPECT_GT(steps, static_cast<int>(histories) * 7);
  for (const int events : {refused, empty, exchanged, flags}) EXPECT_GT(events, least);
}

}  // namespace normbench::conformance
