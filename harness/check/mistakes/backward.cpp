// Gradients.
#include <algorithm>
#include <cmath>

#include "harness/check/grouping.h"
#include "harness/check/mistakes/list.h"

namespace normbench::mistakes {
namespace {

Run input_gradient(double (*dx)(const Problem&, const InputGradient&)) {
  return with(&Steps::dx, dx);
}

double mean_g(const Problem& p, const InputGradient& t) {
  return p.norm == Norm::kRms ? 0 : t.mean_g;
}

double with_all_terms(const Problem&, const InputGradient& t) {
  return t.rstd * (t.g - t.mean_g - t.xh * t.mean_g_xh);
}

double values(const Problem& p) { return static_cast<double>(values_per_statistic(p)); }

Run gamma_outside_of_the_means() {
  Steps changed;
  changed.g = [](double dy, double) { return dy; };
  changed.dx = [](const Problem& p, const InputGradient& t) { return t.gamma * dx_of(p, t); };
  return taking(std::move(changed));
}

Run g_without_gamma() {
  return with(&Steps::g, [](double dy, double) { return dy; });
}

Values first_row(const Problem& p, Values values) {
  return values.first(std::min(values.size(), index(p.l)));
}

// As if x were of a mini-batch of training.
void backward_with_statistics_of_the_batch(const Problem& p, const Arguments& a) {
  if (p.pass != Pass::kBackwardInference) return normalize(p, a, {});
  for (std::int64_t part = 0; part < p.mini_batches(); ++part) {
    Problem training = one_mini_batch(p);
    Arguments arguments = mini_batch(p, a, part);
    training.pass = Pass::kForwardTraining;
    std::vector<float> mean, rstd;
    std::vector<double> wide_mean, wide_rstd;
    for (std::int64_t k = 0; k < p.c; ++k) {
      const Statistic own = two_pass(training, steps::values_of(training, arguments.x, k));
      wide_mean.push_back(own.mean);
      wide_rstd.push_back(1 / std::sqrt(own.variance + p.eps));
    }
    const bool wide = p.dtype == DType::kF64;
    mean.assign(wide_mean.begin(), wide_mean.end());
    rstd.assign(wide_rstd.begin(), wide_rstd.end());
    const auto tensor = [&](auto& narrow, auto& all) {
      return Tensor{.data = wide ? static_cast<void*>(all.data()) : narrow.data(),
                    .n = 1,
                    .c = p.c,
                    .l = 1,
                    .dtype = parameter_dtype(p.dtype)};
    };
    training.pass = Pass::kBackward;
    arguments.mean = tensor(mean, wide_mean);
    arguments.rstd = tensor(rstd, wide_rstd);
    normalize(training, arguments, {});
  }
}

}  // namespace

void add_backward(Mistakes& list) {
  const auto add_if = [&](Concerns concerns, std::string words, Run run) {
    list.push_back({concerns, {std::move(words), std::move(run)}});
  };
  const auto add = [&](std::string words, Run run) {
    add_if(backward, std::move(words), std::move(run));
  };
  const auto dx = [&](std::string words, double (*formula)(const Problem&, const InputGradient&)) {
    add(std::move(words), input_gradient(formula));
  };
  dx("dx had no term with the mean of g",
     [](const Problem&, const InputGradient& t) { return t.rstd * (t.g - t.xh * t.mean_g_xh); });
  dx("dx had no term with the mean of g * xh",
     [](const Problem& p, const InputGradient& t) { return t.rstd * (t.g - mean_g(p, t)); });
  dx("dx were that of given statistics, g * rstd",
     [](const Problem&, const InputGradient& t) { return t.rstd * t.g; });
  add_if(is_given_statistics, "dx were that of training, not of given statistics",
         input_gradient(with_all_terms));
  add_if(rms_backward, "the mean of g were subtracted in dx, as in layer norm",
         input_gradient(with_all_terms));
  dx("dx had the wrong sign",
     [](const Problem& p, const InputGradient& t) { return -steps::dx_of(p, t); });
  dx("the sums in dx were not divided by the number of values",
     [](const Problem& p, const InputGradient& t) {
       return t.rstd * (t.g - values(p) * (mean_g(p, t) + t.xh * t.mean_g_xh));
     });
  dx("the sums in dx were divided by the values of all samples",
     [](const Problem& p, const InputGradient& t) {
       const auto n = static_cast<double>(across_samples(p) ? p.mini_batches() : p.batch);
       return t.rstd * (t.g - (mean_g(p, t) + t.xh * t.mean_g_xh) / n);
     });
  dx("the means were added in dx, not subtracted", [](const Problem& p, const InputGradient& t) {
    return t.rstd * (t.g + mean_g(p, t) + t.xh * t.mean_g_xh);
  });
  dx("dx were not multiplied by rstd", [](const Problem& p, const InputGradient& t) {
    return t.rstd == 0 ? 0 : steps::dx_of(p, t) / t.rstd;
  });
  dx("dx were multiplied by rstd twice",
     [](const Problem& p, const InputGradient& t) { return t.rstd * steps::dx_of(p, t); });
  dx("dx were multiplied by gamma twice",
     [](const Problem& p, const InputGradient& t) { return t.gamma * steps::dx_of(p, t); });
  dx("dx were divided by gamma at the end",
     [](const Problem& p, const InputGradient& t) { return steps::dx_of(p, t) / t.gamma; });
  add("gamma were forgotten in dx", g_without_gamma());
  add("gamma were outside of the means in dx", gamma_outside_of_the_means());
  const auto xh = [&](std::string words, double (*formula)(double, double, double)) {
    add(std::move(words), with(&Steps::xh, formula));
  };
  xh("xh were not centered: x * rstd", [](double x, double, double rstd) { return x * rstd; });
  xh("xh were not scaled: x - mean", [](double x, double mean, double) { return x - mean; });
  xh("x were taken for xh", [](double x, double, double) { return x; });
  const auto gradients = [&](std::string words, Sums (*formula)(const Problem&, Values, Values)) {
    add(std::move(words), with(&Steps::gradients, formula));
  };
  gradients("dgamma and dbeta were swapped", [](const Problem&, Values dy, Values all_xh) {
    const Sums right = sums_of(dy, all_xh);
    return Sums{right.g_xh, right.g};
  });
  gradients("dgamma and dbeta were means, not sums", [](const Problem&, Values dy, Values all_xh) {
    const Sums right = sums_of(dy, all_xh);
    const auto n = static_cast<double>(dy.size());
    return Sums{right.g / n, right.g_xh / n};
  });
  gradients("dgamma and dbeta were of the last sample only",
            [](const Problem& p, Values dy, Values all_xh) {
              const std::size_t of_one = dy.size() / index(p.batch);
              return sums_of(dy.last(of_one), all_xh.last(of_one));
            });
  gradients("dgamma and dbeta were of the first sample only",
            [](const Problem& p, Values dy, Values all_xh) {
              const std::size_t of_one = dy.size() / index(p.batch);
              return sums_of(dy.first(of_one), all_xh.first(of_one));
            });
  gradients("the last value did not count in dbeta", [](const Problem&, Values dy, Values all_xh) {
    return Sums{sums_of(dy, all_xh).g - dy.back(), sums_of(dy, all_xh).g_xh};
  });
  add("the sums in dx were of one channel only",
      with(&Steps::sums, [](const Problem& p, Values g, Values all_xh) {
        return sums_of(first_row(p, g), first_row(p, all_xh));
      }));
  add("the statistics were those of the batch, as in training",
      backward_with_statistics_of_the_batch);
}

}  // namespace normbench::mistakes
