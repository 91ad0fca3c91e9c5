// Histories of InstanceNorm1d with and without running statistics. A batch without samples is none
// of their steps: PyTorch then makes NaN of its running statistics.
#include "harness/nn/instance_norm.h"
#include "tests/conformance/history.h"

namespace normbench::conformance {
namespace {

class InstanceHistory : public History<ours::InstanceNorm1d, torch::nn::InstanceNorm1d> {
 public:
  using History::History;

 private:
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

TEST(Histories, OfInstanceNorm) { expect_conformance_of<InstanceHistory>(400); }

}  // namespace
}  // namespace normbench::conformance
