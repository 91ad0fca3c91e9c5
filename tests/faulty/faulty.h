// Backends that are deliberately wrong, each in one way, and what the check must say about them.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "harness/core/problem.h"
#include "tests/faulty/honest.h"

namespace normbench::faulty {

struct Faulty {
  std::string name;
  Problem problem;        // on which the fault shows
  std::string output;     // Verdict::output: the one to be rejected; empty when it is not an output
  std::string reason;     // part of Verdict::reason
  Behavior behavior;      // honest but for one step
  std::string skip = {};  // why this machine cannot show the fault; empty when it can
};

std::ostream& operator<<(std::ostream& out, const Faulty& faulty);

// All of them, and by topic.
const std::vector<Faulty>& faulty_backends();
std::vector<Faulty> statistics_faults();
std::vector<Faulty> running_statistics_faults();
std::vector<Faulty> gradient_faults();
std::vector<Faulty> placement_faults();
std::vector<Faulty> damage_faults();
std::vector<Faulty> life_cycle_faults();

// An honest backend with one step, or one call of the interface, replaced.
template <class Function, class Replacement>
Behavior replaced(Function Steps::*step, Replacement replacement) {
  Behavior behavior;
  behavior.steps.*step = std::move(replacement);
  return behavior;
}
template <class Function, class Replacement>
Behavior replaced(Function Behavior::*call, Replacement replacement) {
  Behavior behavior;
  behavior.*call = std::move(replacement);
  return behavior;
}

// A backend that computes honestly, and then does `harm`.
template <class Harm>
Behavior followed_by(Harm harm) {
  return replaced(&Behavior::run, [harm](const Work& work) {
    normalize_all(work);
    harm(work);
  });
}

// `value` with the first `digits` of its 24 binary digits, the others cut off.
float truncated(float value, int digits);

// Statistics of values summed in a float, plain: sum of x and sum of x * x, in one pass.
Statistic one_pass_in_float(std::span<const float> values);

}  // namespace normbench::faulty
