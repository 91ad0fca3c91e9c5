// Histories of BatchNorm1d.
//
// libtorch's front end has the semantics of Python but for track_running_stats that was set to
// another value than at construction: it then uses the batch in evaluation, and still updates.
// There the rule of torch/nn/modules/batchnorm.py is applied to its tensors by hand;
// tests/nn/exchange_test.py has the same of Python itself. eps is above 0: 1.13 does not look at
// it.
#include "harness/nn/batch_norm.h"
#include "tests/conformance/history.h"

namespace normbench::conformance {
namespace {

class BatchHistory : public History<ours::BatchNorm1d, torch::nn::BatchNorm1d> {
 public:
  using History::History;

 private:
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

TEST(Histories, OfBatchNorm) { expect_conformance_of<BatchHistory>(400); }

}  // namespace
}  // namespace normbench::conformance
