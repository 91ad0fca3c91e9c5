#include "harness/check/steps.h"

#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "harness/core/tiles.h"

namespace normbench::steps {
namespace {

// NaN where there is no such element: a wrong grouping numbers more than there are.
double load_small(const Tensor& vector, std::int64_t at) {
  const bool inside = at >= 0 && at < vector.size();
  return inside ? load(vector, at) : std::numeric_limits<double>::quiet_NaN();
}

double value_or(const Tensor& vector, std::int64_t at, double otherwise) {
  return vector.present() ? load_small(vector, at) : otherwise;
}

// Nowhere when the pass has no such output, or the place is no place.
void store_small(const Tensor& vector, std::int64_t at, double value) {
  if (vector.present() && at >= 0 && at < vector.size()) store(vector, at, value);
}

void store_large(const Problem& p, const Tensor& tensor, const Steps& steps, Element element,
                 double value) {
  const std::ptrdiff_t place = steps.place(p, element);
  if (place != kNowhere) store(tensor, place, steps.stored(p.dtype, value));
}

// The elements of a mini-batch that have the same number, by number.
template <class Number>
std::map<std::int64_t, std::vector<Element>> grouped(const Problem& p, Number number) {
  std::map<std::int64_t, std::vector<Element>> groups;
  for_each_element(p, [&](Element element) { groups[number(p, element)].push_back(element); });
  return groups;
}

void copy_all(const Problem& p, const Tensor& from, const Tensor& to, const Steps& steps) {
  for_each_element(p, [&](Element element) {
    store_large(p, to, steps, element, steps.copy(load(from, position(p, element))));
  });
}

void save(const Problem& p, const Arguments& a, const Steps& steps, std::int64_t at,
          Statistic statistic, double count) {
  const std::int64_t place = steps.saved_at(p, at);
  store_small(a.mean, place, statistic.mean);
  store_small(a.variance, place, steps.saved_variance(statistic.variance, count));
  store_small(a.rstd, place, steps.saved_rstd(steps.rstd(statistic.variance, p.eps)));
  if (p.norm != Norm::kBatch) return;
  const auto update = [&](const Tensor& running, double added) {
    store_small(running, at, steps.update(load_small(running, at), added, p.momentum));
  };
  update(a.running_mean, statistic.mean);
  update(a.running_var, steps.running_variance(statistic.variance, count));
}

void forward(const Problem& p, const Arguments& a, const Steps& steps) {
  if (p.norm == Norm::kNone) return copy_all(p, a.x, a.y, steps);
  const DType parameter = parameter_dtype(p.dtype);
  for (const auto& [at, elements] : grouped(p, steps.statistic_at)) {
    std::vector<double> x;
    for (const Element& element : elements) x.push_back(load(a.x, position(p, element)));
    const Statistic due = uses_running_statistics(p) ? Statistic{load_small(a.running_mean, at),
                                                                 load_small(a.running_var, at)}
                                                     : steps.statistic(p, x);
    const Statistic used = steps.statistic_of_y(p, a, at, due);
    const double mean = rounded(parameter, used.mean);
    const double rstd = rounded(parameter, steps.rstd(used.variance, p.eps));
    for (std::size_t value = 0; value < x.size(); ++value) {
      const std::int64_t k = steps.parameter_at(p, elements[value]);
      const double y =
          steps.y({x[value], mean, rstd, value_or(a.gamma, k, 1), value_or(a.beta, k, 0)});
      store_large(p, a.y, steps, elements[value], y);
    }
    if (p.pass == Pass::kForwardTraining) {
      save(p, a, steps, at, due, static_cast<double>(x.size()));
    }
  }
}

// By position in memory.
std::vector<double> normalized(const Problem& p, const Arguments& a, const Steps& steps) {
  std::vector<double> xh(static_cast<std::size_t>(p.batch * p.c * p.l));
  for_each_element(p, [&](Element element) {
    const std::int64_t at = steps.statistic_at(p, element);
    const std::int64_t saved = steps.saved_at(p, at);
    const bool running = uses_running_statistics(p);
    const double mean = running ? load_small(a.running_mean, at) : value_or(a.mean, saved, 0);
    const double rstd =
        running ? steps.rstd(load_small(a.running_var, at), p.eps) : load_small(a.rstd, saved);
    const std::ptrdiff_t place = position(p, element);
    xh[static_cast<std::size_t>(place)] = steps.xh(load(a.x, place), mean, rstd);
  });
  return xh;
}

void parameter_gradients(const Problem& p, const Arguments& a, const Steps& steps,
                         const std::vector<double>& all_xh) {
  for (const auto& [at, elements] : grouped(p, steps.parameter_at)) {
    std::vector<double> dy, xh;
    for (const Element& element : elements) {
      dy.push_back(load(a.dy, position(p, element)));
      xh.push_back(all_xh[static_cast<std::size_t>(position(p, element))]);
    }
    const Sums sums = steps.gradients(p, dy, xh);
    store_small(a.dbeta, at, sums.g);
    store_small(a.dgamma, at, sums.g_xh);
  }
}

void backward(const Problem& p, const Arguments& a, const Steps& steps) {
  if (p.norm == Norm::kNone) return copy_all(p, a.dy, a.dx, steps);
  const std::vector<double> all_xh = normalized(p, a, steps);
  for (const auto& [at, elements] : grouped(p, steps.statistic_at)) {
    std::vector<double> g, xh;
    for (const Element& element : elements) {
      const std::ptrdiff_t place = position(p, element);
      const double gamma = value_or(a.gamma, steps.parameter_at(p, element), 1);
      g.push_back(steps.g(load(a.dy, place), gamma));
      xh.push_back(all_xh[static_cast<std::size_t>(place)]);
    }
    const Sums sums = steps.sums(p, g, xh);
    const auto count = static_cast<double>(g.size());
    const double rstd = uses_running_statistics(p)
                            ? steps.rstd(load_small(a.running_var, at), p.eps)
                            : load_small(a.rstd, steps.saved_at(p, at));
    for (std::size_t value = 0; value < g.size(); ++value) {
      const Element& element = elements[value];
      store_large(p, a.dx, steps, element,
                  steps.dx(p, {.rstd = rstd,
                               .gamma = value_or(a.gamma, steps.parameter_at(p, element), 1),
                               .dy = load(a.dy, position(p, element)),
                               .xh = xh[value],
                               .g = g[value],
                               .mean_g = sums.g / count,
                               .mean_g_xh = sums.g_xh / count}));
    }
  }
  if (p.affine) parameter_gradients(p, a, steps, all_xh);
}

}  // namespace

bool uses_running_statistics(const Problem& p) {
  return p.norm == Norm::kBatch &&
         (p.pass == Pass::kForwardInference || p.pass == Pass::kBackwardInference);
}

std::ptrdiff_t position(const Problem& p, Element element) {
  const auto [i, k, j] = element;
  return p.layout == Layout::kNcl ? (i * p.c + k) * p.l + j : (i * p.l + j) * p.c + k;
}

std::int64_t statistic_of(const Problem& p, Element element) {
  const Tiles tiles = tiles_of(p);
  const std::int64_t at = position(p, element);
  return at / tiles.columns / tiles.tile_rows * tiles.across() +
         at % tiles.columns / tiles.tile_columns;
}

std::int64_t parameter_of(const Problem& p, Element element) {
  const Tiles tiles = tiles_of(p);
  return position(p, element) % tiles.columns / tiles.run;
}

double load(const Tensor& tensor, std::ptrdiff_t at) {
  return with_storage(tensor.dtype,
                      [&]<class T>(T) -> double { return static_cast<const T*>(tensor.data)[at]; });
}

void store(const Tensor& tensor, std::ptrdiff_t at, double value) {
  with_storage(tensor.dtype,
               [&]<class T>(T) { static_cast<T*>(tensor.data)[at] = static_cast<T>(value); });
}

double rounded(DType dtype, double value) {
  return with_storage(dtype, [&]<class T>(T) -> double { return static_cast<T>(value); });
}

std::vector<double> values_of(const Problem& p, const Tensor& tensor, std::int64_t at) {
  std::vector<double> values;
  for_each_element(p, [&](Element element) {
    if (statistic_of(p, element) == at) values.push_back(load(tensor, position(p, element)));
  });
  return values;
}

Statistic two_pass(const Problem& p, Values values) {
  const auto count = static_cast<long double>(values.size());
  long double sum = 0;
  for (const double value : values) sum += value;
  const long double mean = p.norm == Norm::kRms ? 0 : sum / count;
  long double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {static_cast<double>(mean), static_cast<double>(squares / count)};
}

Sums sums_of(Values g, Values xh) {
  long double sum = 0;
  long double sum_xh = 0;
  for (std::size_t at = 0; at < g.size(); ++at) {
    sum += g[at];
    sum_xh += static_cast<long double>(g[at]) * xh[at];
  }
  return {static_cast<double>(sum), static_cast<double>(sum_xh)};
}

double dx_of(const Problem& p, const InputGradient& t) {
  // In inference the statistics do not depend on x, and nothing flows back through them.
  if (uses_running_statistics(p)) return t.rstd * t.g;
  const double mean_g = p.norm == Norm::kRms ? 0 : t.mean_g;
  return t.rstd * (t.g - mean_g - t.xh * t.mean_g_xh);
}

Steps::Steps()
    : saved_at([](const Problem&, std::int64_t at) { return at; }),
      statistic_of_y(
          [](const Problem&, const Arguments&, std::int64_t, Statistic due) { return due; }),
      rstd([](double variance, double eps) { return 1 / std::sqrt(variance + eps); }),
      y([](const Output& t) { return (t.x - t.mean) * t.rstd * t.gamma + t.beta; }),
      saved_variance([](double variance, double) { return variance; }),
      saved_rstd([](double rstd_of_y) { return rstd_of_y; }),
      running_variance([](double variance, double n) { return variance * n / (n - 1); }),
      update([](double running, double statistic, double momentum) {
        return (1 - momentum) * running + momentum * statistic;
      }),
      xh([](double x, double mean, double rstd) { return (x - mean) * rstd; }),
      g([](double dy, double gamma) { return dy * gamma; }),
      sums([](const Problem&, Values all_g, Values all_xh) { return sums_of(all_g, all_xh); }),
      gradients([](const Problem&, Values dy, Values all_xh) { return sums_of(dy, all_xh); }),
      copy([](double value) { return value; }) {}

void normalize(const Problem& problem, const Arguments& arguments, const Steps& steps) {
  for (std::int64_t index = 0; index < problem.mini_batches(); ++index) {
    const Arguments part = mini_batch(problem, arguments, index);
    if (problem.backward()) {
      backward(problem, part, steps);
    } else {
      forward(problem, part, steps);
    }
  }
}

}  // namespace normbench::steps
