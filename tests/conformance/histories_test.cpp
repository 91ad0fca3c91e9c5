// Random histories of a module and of torch::nn's: modes, flags, momentum, batches of every kind,
// state saved and loaded midway. After each step both have the same state, outputs and gradients
// within the bounds of both, and they raise errors at the same steps, in the same words.
//
// libtorch's front end has the semantics of Python but for track_running_stats that was set to
// another value than at construction: it then uses the batch in evaluation, and still updates.
// There the rule of torch/nn/modules/batchnorm.py is applied to its tensors by hand;
// tests/nn/exchange_test.py has the same of Python itself. eps is above 0: 1.13 does not look at
// it.
#include "tests/conformance/histories.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/check/known_defects.h"
#include "harness/nn/batch_norm.h"
#include "harness/nn/checkpoint.h"
#include "harness/nn/instance_norm.h"
#include "tests/conformance/torch_views.h"
#include "tests/nn/arrays.h"

namespace normbench::conformance {
namespace {

namespace ours = normbench::nn;

using ours::Array;
using ours::ElementType;
using ours::Sizes;

// The same memory.
at::Tensor torch_view(const Array& array) {
  const auto type = ours::dtype_of(array.type());
  const auto options = at::TensorOptions(type ? scalar_type(*type) : at::kLong);
  // at::from_blob takes a pointer that is not const; nobody writes.
  auto* data = const_cast<std::byte*>(array.bytes().data());
  const Sizes& sizes = array.sizes();
  if (array.layout() == Layout::kNcl) return at::from_blob(data, sizes, options);
  return at::from_blob(data, sizes, {sizes[1] * sizes[2], 1, sizes[1]}, options);
}

// In the order of memory of `like`.
std::vector<double> values_like(const Array& like, const at::Tensor& tensor) {
  Array array(like.sizes(), like.type(), like.layout());
  torch_view(array).copy_(tensor.detach());
  return array.values();
}

std::vector<double> values(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor wide = tensor.detach().to(at::kDouble).contiguous();
  return {wide.data_ptr<double>(), wide.data_ptr<double>() + wide.numel()};
}

std::vector<double> values(const std::optional<Array>& array) {
  return array ? array->values() : std::vector<double>();
}

// "torch.Size([1, 2])" is "[1, 2]" in C++.
std::string in_cpp(std::string text) {
  const std::string begin = "torch.Size(";
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin)) {
    text.erase(text.find(')', at), 1);
    text.erase(at, begin.size());
  }
  return text;
}

// What is thrown, in words; empty when nothing is.
template <class Function>
std::string error_of(Function function) {
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

std::optional<double> a_momentum(Choices& choices) {
  return choices.of<std::optional<double>>({std::nullopt, 0.1, 0.1, 0.5, 0.0, 1.0, 1.2, -0.2});
}

Setting a_setting(Choices& choices) {
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

const Backend& backend_of(const Setting& setting) {
  return **std::find_if(backends().begin(), backends().end(),
                        [&](const auto& backend) { return backend->name() == setting.backend; });
}

Problem problem_of(const Array& x, Norm norm, const Setting& setting) {
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
Array drawn(Choices& choices, const Setting& setting, const Sizes& sizes,
            Layout layout = Layout::kNcl) {
  return ours::random_array(sizes, choices.seed(), ours::element_type(setting.dtype), layout,
                            choices.one_in(4) ? 30 : 0.5);
}

Layout a_layout(Choices& choices) { return choices.one_in(2) ? Layout::kNcl : Layout::kNlc; }

bool has_problem(const Array& x) {
  return (x.sizes().size() == 2 || x.sizes().size() == 3) && x.size() != 0;
}

Spelled spelled_of(const Problem& problem, const Array& x) {
  return x.sizes().size() == 3 ? Spelled(problem, {problem.l}) : Spelled(problem);
}

// Whether both sides can be asked about this input, so that they differ in nothing but what they
// are.
bool both_take(const Problem& forward, const Array& x, const Setting& setting, bool tracked) {
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

Claims claims_of(const Backend& backend, const Problem& forward, const Problem& backward) {
  return {backend.accuracy(forward), backend.accuracy(backward)};
}

Problem backward_of(Problem problem) {
  problem.pass =
      problem.pass == Pass::kForwardTraining ? Pass::kBackward : Pass::kBackwardInference;
  return problem;
}

void put(const at::Tensor& tensor, const Array& array) {
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
  virtual void make_modules() = 0;
  virtual Mine a_module() = 0;
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

class BatchHistory : public History<ours::BatchNorm1d, torch::nn::BatchNorm1d> {
 public:
  using History::History;

 private:
  ours::BatchNorm1d a_module() override {
    return ours::BatchNorm1d(setting.channels,
                             {.eps = setting.eps,
                              .momentum = setting.momentum,
                              .affine = setting.affine,
                              .track_running_stats = setting.tracked,
                              .dtype = parameter_dtype(setting.dtype)},
                             {.backend = setting.backend, .threads = setting.threads});
  }

  void make_modules() override {
    mine = std::make_unique<ours::BatchNorm1d>(a_module());
    torch = torch::nn::BatchNorm1d(torch::nn::BatchNormOptions(setting.channels)
                                       .eps(setting.eps)
                                       .affine(setting.affine)
                                       .track_running_stats(setting.tracked));
    torch->to(scalar_type(parameter_dtype(setting.dtype)));
    set_momentum(setting.momentum);
  }

  void set_momentum(std::optional<double> momentum) override {
    mine->momentum = momentum;
    torch->options.momentum(momentum ? c10::optional<double>(*momentum) : c10::nullopt);
  }

  // The module, or Python's rule where the flag was changed.
  at::Tensor torch_forward(const at::Tensor& x) {
    if (mine->track_running_stats == setting.tracked) return torch(x);
    TORCH_CHECK(x.dim() == 2 || x.dim() == 3, "expected 2D or 3D input (got ", x.dim(), "D input)");
    double factor = mine->momentum.value_or(0);
    const bool counts = torch->is_training() && mine->track_running_stats;
    if (counts && torch->num_batches_tracked.defined()) {
      torch->num_batches_tracked += 1;
      if (!mine->momentum) factor = 1 / torch->num_batches_tracked.item<double>();
    }
    const bool by_batch = torch->is_training() || !torch->running_mean.defined();
    const bool given = !torch->is_training() || mine->track_running_stats;
    return torch::nn::functional::detail::batch_norm(
        x, given ? torch->running_mean : at::Tensor(), given ? torch->running_var : at::Tensor(),
        torch->weight, torch->bias, by_batch, factor, torch->options.eps());
  }

  Array an_input() override {
    const std::int64_t c = setting.channels;
    const auto draw = [&](const Sizes& sizes) { return drawn(choices, setting, sizes); };
    switch (choices.below(16)) {
      case 0:
        return draw(choices.one_in(2) ? Sizes{0, c, 4} : Sizes{0, c});
      case 1:
        return draw(choices.one_in(2) ? Sizes{1, c, 1} : Sizes{1, c});
      case 2:
        return draw({3, c + 1, 2});
      case 3:
        return draw(choices.one_in(2) ? Sizes{c} : Sizes{2, c, 2, 2});
      case 4:
        return draw({3, c, 0});
      case 5:
      case 6:
      case 7:
        return draw({choices.between(2, 12), c});
      default:
        return drawn(choices, setting, {choices.between(1, 6), c, choices.between(2, 7)},
                     a_layout(choices));
    }
  }

  void step_forward(const Array& x) override {
    const bool by_batch = mine->training() || !mine->running_mean;
    const bool updates = mine->training() && mine->track_running_stats && mine->running_mean;
    Problem problem;
    if (has_problem(x)) {
      problem = problem_of(x, Norm::kBatch, setting);
      problem.pass = by_batch ? Pass::kForwardTraining : Pass::kForwardInference;
      problem.eps = mine->eps;
      // Who finds statistics without running ones to update has no parameters of f32 for bf16.
      if (!both_take(problem, x, setting, updates || !by_batch)) return;
    }
    Vectors my_before = vectors_of_mine();
    Vectors torch_before = vectors_of_torch();
    if (by_batch && !updates) {  // Buffers that play no part may be of other channels.
      for (Vectors* vectors : {&my_before, &torch_before}) {
        vectors->running_mean.clear();
        vectors->running_var.clear();
      }
    }
    const bool can_compare =
        both_forward(x, [this](const at::Tensor& input) { return torch_forward(input); });
    if (!can_compare) return;
    if (x.size() == 0) {
      ++empty;
      EXPECT_EQ(torch_y.sizes().vec(), x.sizes());
      return;
    }
    const Array dy = ours::random_array(x.sizes(), choices.seed(), x.type(), x.layout());
    const Spelled spelled = spelled_of(problem, x);
    const Spelled spelled_backward = spelled_of(backward_of(problem), x);
    const Claims claims = claims_of(backend_of(setting), problem, backward_of(problem));
    const Claims of_torch = {torch_accuracy(spelled), torch_accuracy(spelled_backward)};
    {
      SCOPED_TRACE("ours");
      expect_right(problem, x, dy, my_before, outcomes_of_mine(dy), claims);
    }
    {
      SCOPED_TRACE("torch");
      expect_right(problem, x, dy, torch_before, outcomes_of_torch(x, dy), of_torch);
    }
    if (!updates) return;
    problem.momentum =
        mine->momentum.value_or(1 / std::max(mine->num_batches_tracked->get(0), 1.0));
    const RunningPair my = running_of_batch(problem, x, my_before, claims.forward, !mine->momentum);
    const RunningPair its = running_of_batch(problem, x, torch_before, of_torch.forward, false);
    expect_within("our running_mean", values(mine->running_mean), my.mean);
    expect_within("our running_var", values(mine->running_var), my.var);
    expect_within("torch's running_mean", values(torch->running_mean), its.mean);
    expect_within("torch's running_var", values(torch->running_var), its.var);
    mean_apart.step(problem.momentum, my.mean, its.mean);
    var_apart.step(problem.momentum, my.var, its.var);
  }
};

class InstanceHistory : public History<ours::InstanceNorm1d, torch::nn::InstanceNorm1d> {
 public:
  using History::History;

 private:
  ours::InstanceNorm1d a_module() override {
    return ours::InstanceNorm1d(setting.channels,
                                {.eps = setting.eps,
                                 .momentum = setting.momentum,
                                 .affine = setting.affine,
                                 .track_running_stats = setting.tracked,
                                 .dtype = parameter_dtype(setting.dtype)},
                                {.backend = setting.backend, .threads = setting.threads});
  }

  void make_modules() override {
    mine = std::make_unique<ours::InstanceNorm1d>(a_module());
    torch = torch::nn::InstanceNorm1d(torch::nn::InstanceNormOptions(setting.channels)
                                          .eps(setting.eps)
                                          .affine(setting.affine)
                                          .track_running_stats(setting.tracked));
    torch->to(scalar_type(parameter_dtype(setting.dtype)));
    set_momentum(setting.momentum);
  }

  // In Python none is 0.
  void set_momentum(std::optional<double> momentum) override {
    mine->momentum = momentum;
    torch->options.momentum(momentum.value_or(0));
  }

  Array an_input() override {
    const std::int64_t c = setting.channels;
    const std::int64_t l = choices.between(2, 7);
    const auto draw = [&](const Sizes& sizes) { return drawn(choices, setting, sizes); };
    switch (choices.below(12)) {
      case 0:
        return draw({choices.between(1, 3), c, 1});
      case 1:
        return draw({3, c + 1, 2});
      case 2:
        return draw(choices.one_in(2) ? Sizes{c} : Sizes{2, c, 2, 2});
      case 3:
      case 4:
        return draw({c, l});
      case 5:
        return draw({2, c, 0});
      default:
        return drawn(choices, setting, {choices.between(1, 6), c, l}, a_layout(choices));
    }
  }

  // Python looks at both of these, and libtorch's front end at neither.
  bool refused_by_python(const Array& x, bool by_input) {
    if (x.sizes().size() != 2 && x.sizes().size() != 3) return false;
    const bool unbatched = x.sizes().size() == 2;
    const std::int64_t c = x.sizes()[unbatched ? 0 : 1];
    const std::string text = error_of([&] { mine->forward(x); });
    if (setting.affine && c != setting.channels) {
      EXPECT_EQ(text, "expected input's size at dim=1 to match num_features (" +
                          std::to_string(setting.channels) + "), but got: " + std::to_string(c) +
                          ".");
      return true;
    }
    if (by_input && x.sizes().back() == 1) {
      EXPECT_EQ(text.find("Expected more than 1 spatial element when training, got input size ["),
                0U)
          << text;
      return true;
    }
    return false;
  }

  void step_forward(const Array& x) override {
    torch->options.track_running_stats(mine->track_running_stats);
    const bool by_input = mine->training() || !mine->track_running_stats;
    const Vectors my_before = vectors_of_mine();
    const Vectors torch_before = vectors_of_torch();
    // Of the first weight of none, libtorch wants a value.
    if (x.size() == 0 && setting.affine) return;
    Problem problem;
    if (has_problem(x)) {
      Array whole = x;
      if (x.sizes().size() == 2) whole.resize({1, x.sizes()[0], x.sizes()[1]}, x.type());
      problem = problem_of(whole, by_input ? Norm::kInstance : Norm::kBatch, setting);
      problem.pass = by_input ? Pass::kForwardTraining : Pass::kForwardInference;
      problem.eps = mine->eps;
      if (!both_take(problem, x, setting, true)) return;
      // Input as instance norm has it, where statistics are rounded to bf16 without a weight.
      if (setting.dtype == DType::kBf16 && !setting.affine) return;
      if (by_input && problem.l == 1) {
        EXPECT_TRUE(refused_by_python(x, by_input));
        ++refused;
        return;
      }
      if (setting.affine && problem.c != setting.channels) {
        EXPECT_TRUE(refused_by_python(x, by_input));
        ++refused;
        return;
      }
    }
    if (!both_forward(x, [this](const at::Tensor& input) { return torch(input); })) return;
    if (x.size() == 0) {
      ++empty;
      return;
    }
    const Array dy = ours::random_array(x.sizes(), choices.seed(), x.type(), x.layout());
    const Claims claims = claims_of(backend_of(setting), problem, backward_of(problem));
    // With given statistics it is batch norm of the contiguous (1, N * C, L), and gradients of the
    // parameters are added up over the samples.
    const auto sum = static_cast<double>(problem.n * problem.l);
    const Spelled spelled(problem);
    const Claims of_torch = {
        by_input ? torch_accuracy(spelled) : Accuracy{Grade::kB, 0},
        by_input ? torch_accuracy(Spelled(backward_of(problem))) : Accuracy{Grade::kA, sum}};
    {
      SCOPED_TRACE("ours");
      expect_right(problem, x, dy, my_before, outcomes_of_mine(dy), claims);
    }
    {
      SCOPED_TRACE("torch");
      expect_right(problem, x, dy, torch_before, outcomes_of_torch(x, dy), of_torch);
    }
    if (!mine->running_mean) return;
    if (!by_input) return expect_copies_of_torch(problem, torch_before);
    problem.momentum = mine->momentum.value_or(0);
    const RunningPair my = running_of_instances(problem, x, my_before, claims.forward);
    const RunningPair its = running_of_instances(problem, x, torch_before, of_torch.forward);
    expect_within("our running_mean", values(mine->running_mean), my.mean);
    expect_within("our running_var", values(mine->running_var), my.var);
    expect_within("torch's running_mean", values(torch->running_mean), its.mean);
    expect_within("torch's running_var", values(torch->running_var), its.var);
    mean_apart.step(problem.momentum, my.mean, its.mean);
    var_apart.step(problem.momentum, my.var, its.var);
  }

  // In evaluation torch leaves the mean of N copies: a sum of N, and a division.
  void expect_copies_of_torch(const Problem& problem, const Vectors& before) {
    const double u = problem.dtype == DType::kF64 ? 0x1p-53 : 0x1p-24;
    const auto copies = [&](const std::vector<double>& running) {
      Running result{running, {}};
      for (const double value : running) {
        result.bound.push_back(static_cast<double>(problem.n + 1) * u * std::abs(value));
      }
      return result;
    };
    const Running none{{}, std::vector<double>(before.running_mean.size(), 0.0)};
    const Running mean = copies(before.running_mean);
    const Running var = copies(before.running_var);
    expect_within("torch's running_mean", values(torch->running_mean), mean);
    expect_within("torch's running_var", values(torch->running_var), var);
    mean_apart.step(0, none, mean);
    var_apart.step(0, none, var);
  }
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

TEST(Histories, OfBatchNorm) { expect_conformance_of<BatchHistory>(400); }
TEST(Histories, OfInstanceNorm) { expect_conformance_of<InstanceHistory>(400); }

}  // namespace
}  // namespace normbench::conformance
