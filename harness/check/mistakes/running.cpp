// How running statistics are updated.
#include <cmath>

#include "harness/check/mistakes/list.h"

namespace normbench::mistakes {

void add_running(Mistakes& list) {
  const auto add = [&](std::string words, Run run) {
    list.push_back({updates, {std::move(words), std::move(run)}});
  };
  const auto update = [&](std::string words, double (*formula)(double, double, double)) {
    add(std::move(words), with(&Steps::update, formula));
  };
  add("running_var were updated with the biased variance, divided by n",
      with(&Steps::running_variance, [](double v, double) { return v; }));
  add("running_var were updated with rstd",
      with_eps(&Steps::running_variance,
               [](double v, double, double eps) { return inverted_root(v, eps); }));
  add("running_var were updated with the deviation",
      with(&Steps::running_variance,
           [](double v, double n) { return std::sqrt(v * n / (n - 1)); }));
  add("running_var were updated with variance + eps",
      with_eps(&Steps::running_variance,
               [](double v, double n, double eps) { return v * n / (n - 1) + eps; }));
  update("momentum were inverted: running = momentum * running + (1 - momentum) * statistic",
         [](double running, double statistic, double m) {
           return updated(running, statistic, 1 - m);
         });
  update("the running statistics were not updated",
         [](double running, double, double) { return running; });
  update("the running statistics were replaced, not averaged",
         [](double, double statistic, double) { return statistic; });
  update("momentum were 0.1 whatever the problem says",
         [](double running, double statistic, double) {
           return updated(running, statistic, kDefaultMomentum);
         });
  update("the running statistics were updated twice",
         [](double running, double statistic, double m) {
           return updated(updated(running, statistic, m), statistic, m);
         });
  update("momentum * statistic were added, and nothing taken away",
         [](double running, double statistic, double m) { return running + m * statistic; });
}

}  // namespace normbench::mistakes
