// Work that is done where no clock runs, or not at all where a result seems to be there.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench::faulty {
namespace {

const Problem kTraining = batch_norm(Pass::kForwardTraining, 8, 5, 7);
const Problem kInference = batch_norm(Pass::kForwardInference, 8, 5, 7);
const Problem kBackward = batch_norm(Pass::kBackward, 8, 5, 7);

Behavior works_in_collect() {
  Behavior behavior = replaced(&Behavior::run, nothing);
  behavior.collect = normalize_all;
  return behavior;
}

// The statistics in run(), y later.
Behavior writes_y_in_collect() {
  Behavior behavior;
  behavior.run = [](const Work& work) {
    normalize_all(work);
    std::ranges::fill(work.arguments.y.as<float>(), 0.0F);
  };
  behavior.collect = [](const Work& work) {
    Problem problem = work.problem;
    problem.momentum = 0;
    normalize(problem, work.arguments, work.steps);
  };
  return behavior;
}

// run() starts the work, collect() waits for it.
Behavior asynchronous() {
  auto pending = std::make_shared<std::future<void>>();
  Behavior behavior;
  behavior.run = [pending](const Work& work) {
    if (pending->valid()) pending->wait();
    *pending = std::async(std::launch::async,
                          [problem = work.problem, arguments = work.arguments, steps = work.steps] {
                            std::this_thread::sleep_for(std::chrono::milliseconds(2));
                            normalize(problem, arguments, steps);
                          });
  };
  behavior.collect = [pending](const Work&) { pending->wait(); };
  return behavior;
}

// What is made of x in load(), run() only applies.
Behavior statistics_in_load() {
  auto kept = std::make_shared<std::vector<Statistic>>();
  Behavior behavior;
  behavior.load = [kept](const Work& work) {
    kept->clear();
    for (std::int64_t k = 0; k < work.problem.c; ++k) {
      kept->push_back(two_pass(work.problem, values_of(work.problem, work.arguments.x, k)));
    }
  };
  behavior.steps.statistic_of_y = [kept](const Problem&, const Arguments&, std::int64_t at,
                                         Statistic) {
    return (*kept)[static_cast<std::size_t>(at)];
  };
  return behavior;
}

// Takes the first output for a sign that the rest is there, unless the first input is another one.
Behavior idle_when_the_result_is_there(Tensor Arguments::*output) {
  return replaced(&Behavior::run, [output](const Work& work) {
    const float first = work.arguments.x.as<float>().front();
    const bool is_new = work.memory.empty() || work.memory[0] != first;
    if (!is_new && !std::isnan((work.arguments.*output).as<float>().front())) return;
    work.memory = {first};
    normalize_all(work);
  });
}

}  // namespace

std::vector<Faulty> clock_faults() {
  return {
      {"works_in_collect", kInference, "y", "random input, call 2: y at", works_in_collect()},
      {"works_in_collect_of_training", kTraining, "y", "random input, call 2: y at",
       works_in_collect()},
      {"works_in_collect_of_backward", kBackward, "dbeta", "random input, call 2: dbeta at",
       works_in_collect()},
      {"writes_y_in_collect", kInference, "y", "random input, call 2: y at", writes_y_in_collect()},
      {"asynchronous", kInference, "y", "random input, call 2: y at", asynchronous()},
      {"asynchronous_backward", kBackward, "dbeta", "random input, call 2: dbeta at",
       asynchronous()},
      {"statistics_in_load", kTraining, "y", "random input, call 1: y at", statistics_in_load()},
      {"idle_when_y_is_there", kInference, "y", "call 2: y at sample 0, channel 0, position 0",
       idle_when_the_result_is_there(&Arguments::y)},
      {"idle_when_dx_is_there", kBackward, "dbeta", "call 2: dbeta at",
       idle_when_the_result_is_there(&Arguments::dx)},
  };
}

}  // namespace normbench::faulty
