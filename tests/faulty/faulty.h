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
std::vector<Faulty> clock_faults();
std::vector<Faulty> process_faults();
std::vector<Faulty> claim_faults();
std::vector<Faulty> layer_faults();
std::vector<Faulty> instance_faults();
std::vector<Faulty> group_faults();
std::vector<Faulty> rms_faults();
std::vector<Faulty> none_faults();
std::vector<Faulty> sixteen_bit_faults();
std::vector<Faulty> double_faults();

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

// Honest, but that every third call leaves a neighbor of the first y.
Behavior of_other_bits();

// dx = gamma * rstd * (dy - mean of dy - xh * mean of dy * xh): right only where all values of a
// statistic share their gamma.
Behavior with_gamma_outside_of_the_means();

// Takes ncl for nlc, and nlc for ncl.
void in_the_other_layout(const Work& work);

// `value` with the first `digits` of its binary digits, the others cut off.
double truncated(double value, int digits);

// Statistics of values summed in a float, plain: sums of x and of its deviations from the mean, or
// sums of x and of x * x, or of x - first and of its square.
Statistic two_pass_in_float(const Problem& problem, Values values);
Statistic one_pass_in_float(const Problem& problem, Values values);
Statistic shifted_one_pass_in_float(const Problem& problem, Values values);
// y = x * scale + shift, every operation rounded.
double folded_y(const Output& terms);

}  // namespace normbench::faulty
