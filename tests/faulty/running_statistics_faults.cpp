// Faults in the running statistics.
#include <cmath>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kMiniBatches = batch_norm(Pass::kForwardTraining, 12, 5, 3, 4);
const Problem kInference = batch_norm(Pass::kForwardInference, 8, 5, 7);

void keep_running(const Work& work) {
  for (const Tensor& running : {work.arguments.running_mean, work.arguments.running_var}) {
    const auto values = running.as<float>();
    work.memory.insert(work.memory.end(), values.begin(), values.end());
  }
}

void put_running_back(const Work& work) {
  std::size_t at = 0;
  for (const Tensor& running : {work.arguments.running_mean, work.arguments.running_var}) {
    for (float& value : running.as<float>()) value = work.memory[at++];
  }
  work.memory.clear();
}

// Each mini-batch starts from the running statistics before the call, and so the last one wins.
void update_from_the_old_ones(const Work& work) {
  Problem one = work.problem;
  one.n = one.batch;
  for (std::int64_t i = 0; i < work.problem.mini_batches(); ++i) {
    if (i > 0) put_running_back(work);
    keep_running(work);
    normalize(one, mini_batch(work.problem, work.arguments, i), work.steps);
  }
  work.memory.clear();
}

void backwards_through_mini_batches(const Work& work) {
  Problem one = work.problem;
  one.n = one.batch;
  for (std::int64_t i = work.problem.mini_batches() - 1; i >= 0; --i) {
    normalize(one, mini_batch(work.problem, work.arguments, i), work.steps);
  }
}

double updated(double running, double statistic, double momentum) {
  return (1 - momentum) * running + momentum * statistic;
}

Behavior updating(double (*update)(double running, double statistic, double momentum)) {
  return replaced(&Steps::update, update);
}

Problem with_momentum(Problem problem, double momentum) {
  problem.momentum = momentum;
  return problem;
}

}  // namespace

std::vector<Faulty> running_statistics_faults() {
  return {
      {"biased_running_variance", kTraining, "running_var", "running_var at",
       replaced(&Steps::running_variance, [](double v, double) { return v; })},
      {"eps_in_the_running_variance", kTraining, "running_var", "running_var at",
       replaced(&Steps::running_variance,
                [](double v, double n) { return v * n / (n - 1) + kDefaultEps; })},
      {"momentum_inverted", kTraining, "running_mean", "running_mean at",
       updating([](double running, double statistic, double momentum) {
         return momentum * running + (1 - momentum) * statistic;
       })},
      {"momentum_ignored", with_momentum(kTraining, 0.25), "running_mean", "running_mean at",
       updating([](double running, double statistic, double) {
         return updated(running, statistic, kDefaultMomentum);
       })},
      {"approximately_updated", kTraining, "running_mean", "running_mean at",
       updating([](double running, double statistic, double momentum) {
         return truncated(updated(running, statistic, momentum), 20);
       })},
      {"updated_twice", kTraining, "running_mean", "exact input, call 1: running_mean at",
       updating([](double running, double statistic, double momentum) {
         return updated(updated(running, statistic, momentum), statistic, momentum);
       })},
      {"not_updated", kTraining, "running_mean", "exact input, call 1: running_mean at",
       updating([](double running, double, double) { return running; })},
      {"updated_at_the_first_call_only", kTraining, "running_mean",
       "exact input, call 2: running_mean at",
       replaced(&Behavior::run,
                [](const Work& work) {
                  keep_running(work);
                  normalize_all(work);
                  if (work.call % 2 == 0) put_running_back(work);
                  work.memory.clear();
                })},
      {"updated_from_the_old_ones_by_each_mini_batch", kMiniBatches, "running_mean",
       "running_mean at", replaced(&Behavior::run, update_from_the_old_ones)},
      {"mini_batches_in_the_wrong_order", kMiniBatches, "running_mean", "running_mean at",
       replaced(&Behavior::run, backwards_through_mini_batches)},
      {"updated_in_inference", kInference, "", "changed its input running_mean",
       followed_by([](const Work& work) {
         for (float& value : work.arguments.running_mean.as<float>()) {
           value = static_cast<float>(updated(value, 0.5, work.problem.momentum));
         }
       })},
  };
}

}  // namespace normbench::faulty
