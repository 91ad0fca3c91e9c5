// What statistics are made of, which y is made with, and what is saved of them.
#include <cmath>

#include "harness/check/grouping.h"
#include "harness/check/mistakes/list.h"

namespace normbench::mistakes {
namespace {

template <class Wrong>
Run statistic_of_y(Wrong wrong) {
  return with(&Steps::statistic_of_y, wrong);
}

Statistic of_running(const Problem& p, const Arguments& a, std::int64_t at, Statistic due) {
  if (p.norm != Norm::kBatch || p.pass != Pass::kForwardTraining) return due;
  return {steps::load(a.running_mean, at), steps::load(a.running_var, at)};
}

Statistic of_the_batch(const Problem& p, const Arguments& a, std::int64_t at, Statistic) {
  return two_pass(p, steps::values_of(p, a.x, at));
}

Statistic of_layer_norm(Problem p, Values values) {
  p.norm = Norm::kLayer;
  return two_pass(p, values);
}

Statistic without_mean(Problem p, Values values) {
  const double mean = two_pass(p, values).mean;
  p.norm = Norm::kRms;
  return {mean, two_pass(p, values).variance};
}

double values(const Problem& p) { return static_cast<double>(values_per_statistic(p)); }

}  // namespace

void add_statistics(Mistakes& list) {
  const auto add = [&](std::string words, Run run) {
    list.push_back({finds_statistics, {std::move(words), std::move(run)}});
  };
  const auto unbiased = [](double v, double n) { return v * n / (n - 1); };
  add("the variance were the unbiased one, divided by n - 1",
      with(&Steps::statistic, [unbiased](const Problem& p, Values x) {
        const Statistic own = two_pass(p, x);
        return Statistic{own.mean, unbiased(own.variance, static_cast<double>(x.size()))};
      }));
  add("the variance were saved unbiased, divided by n - 1", with(&Steps::saved_variance, unbiased));
  add("y were made with the unbiased variance, divided by n - 1",
      statistic_of_y([unbiased](const Problem& p, const Arguments&, std::int64_t, Statistic due) {
        return Statistic{due.mean, unbiased(due.variance, values(p))};
      }));
  add("sums of squares were saved as the variance",
      with(&Steps::saved_variance, [](double v, double n) { return v * n; }));
  add("the mean were not subtracted in the variance (the mean square)",
      with(&Steps::statistic, without_mean));
  add("the mean were subtracted in the variance, as in layer norm",
      with(&Steps::statistic, of_layer_norm));
  add("the mean were subtracted in y, as in layer norm",
      statistic_of_y([](const Problem& p, const Arguments& a, std::int64_t at, Statistic due) {
        return Statistic{of_layer_norm(p, steps::values_of(p, a.x, at)).mean, due.variance};
      }));
  add("rstd were saved as the variance",
      with_eps(&Steps::saved_variance,
               [](double v, double, double eps) { return inverted_root(v, eps); }));
  add("the deviation were saved as the variance",
      with(&Steps::saved_variance, [](double v, double) { return std::sqrt(v); }));
  add("the variance were saved as rstd",
      with(&Steps::saved_rstd, [](double rstd) { return 1 / (rstd * rstd); }));
  add("the deviation were saved as rstd",
      with(&Steps::saved_rstd, [](double rstd) { return 1 / rstd; }));
  add("y were made with the running statistics", statistic_of_y(of_running));
  add("y were made with the running variance",
      statistic_of_y([](const Problem& p, const Arguments& a, std::int64_t at, Statistic due) {
        return Statistic{due.mean, of_running(p, a, at, due).variance};
      }));
  add("y were made with the running mean",
      statistic_of_y([](const Problem& p, const Arguments& a, std::int64_t at, Statistic due) {
        return Statistic{of_running(p, a, at, due).mean, due.variance};
      }));
}

void add_forward(Mistakes& list) {
  const auto add = [&](Concerns concerns, std::string words, Run run) {
    list.push_back({concerns, {std::move(words), std::move(run)}});
  };
  const auto rstd = [&](std::string words, double (*formula)(double, double)) {
    add(normalizes, std::move(words), with(&Steps::rstd, formula));
  };
  rstd("eps were added outside of the root",
       [](double v, double eps) { return 1 / (std::sqrt(v) + eps); });
  rstd("there were no eps", [](double v, double) { return 1 / std::sqrt(v); });
  rstd("eps were 1e-5 whatever the problem says",
       [](double v, double) { return inverted_root(v, kDefaultEps); });
  rstd("rstd were 0 where the variance is 0",
       [](double v, double eps) { return v > 0 ? inverted_root(v, eps) : 0; });
  rstd("no root were drawn", [](double v, double eps) { return 1 / (v + eps); });
  rstd("rstd were not inverted", [](double v, double eps) { return std::sqrt(v + eps); });
  const auto y = [&](std::string words, double (*formula)(const Output&)) {
    add(forward, std::move(words), with(&Steps::y, formula));
  };
  y("gamma and beta were forgotten", [](const Output& t) { return (t.x - t.mean) * t.rstd; });
  y("beta were forgotten", [](const Output& t) { return (t.x - t.mean) * t.rstd * t.gamma; });
  y("gamma were forgotten", [](const Output& t) { return (t.x - t.mean) * t.rstd + t.beta; });
  y("gamma and beta were swapped",
    [](const Output& t) { return (t.x - t.mean) * t.rstd * t.beta + t.gamma; });
  y("gamma had lost its sign",
    [](const Output& t) { return (t.x - t.mean) * t.rstd * std::abs(t.gamma) + t.beta; });
  y("gamma were counted from one",
    [](const Output& t) { return (t.x - t.mean) * t.rstd * (1 + t.gamma) + t.beta; });
  y("beta were subtracted",
    [](const Output& t) { return (t.x - t.mean) * t.rstd * t.gamma - t.beta; });
  y("beta were scaled by gamma",
    [](const Output& t) { return ((t.x - t.mean) * t.rstd + t.beta) * t.gamma; });
  y("the mean were not subtracted in y",
    [](const Output& t) { return t.x * t.rstd * t.gamma + t.beta; });
  y("rstd were forgotten in y", [](const Output& t) { return (t.x - t.mean) * t.gamma + t.beta; });
  y("y were multiplied by the deviation, not divided",
    [](const Output& t) { return (t.x - t.mean) / t.rstd * t.gamma + t.beta; });
  add(is_given_statistics, "the statistics were those of the batch, as in training",
      statistic_of_y(of_the_batch));
}

}  // namespace normbench::mistakes
