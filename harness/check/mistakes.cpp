#include "harness/check/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "harness/check/grouping.h"
#include "harness/check/number_format.h"
#include "harness/check/steps.h"

namespace normbench {
namespace {

using steps::Element;
using steps::InputGradient;
using steps::normalize;
using steps::Output;
using steps::position;
using steps::Statistic;
using steps::Steps;
using steps::Sums;
using steps::sums_of;
using steps::two_pass;
using steps::Values;

using Run = std::function<void(const Problem&, const Arguments&)>;

// Whom a mistake can concern.
using Concerns = bool (*)(const Problem&);

bool normalizes(const Problem& p) { return p.norm != Norm::kNone; }
bool copies(const Problem& p) { return p.norm == Norm::kNone; }
bool all(const Problem&) { return true; }
bool forward(const Problem& p) { return normalizes(p) && !p.backward(); }
bool finds_statistics(const Problem& p) { return forward(p) && !p.uses_running_statistics(); }
bool saves_statistics(const Problem& p) {
  return normalizes(p) && p.pass == Pass::kForwardTraining;
}
bool updates(const Problem& p) { return saves_statistics(p) && p.norm == Norm::kBatch; }
bool is_given_statistics(const Problem& p) { return p.uses_running_statistics(); }
bool backward(const Problem& p) { return normalizes(p) && p.backward(); }
bool rms_backward(const Problem& p) { return backward(p) && p.norm == Norm::kRms; }
bool has_groups(const Problem& p) { return p.norm == Norm::kGroup; }
bool narrow_or_wide(const Problem& p) { return p.dtype != DType::kF32; }

struct Entry {
  Concerns concerns;
  Mistake mistake;
};

// Right but for some steps.
Run taking(Steps changed) {
  return [changed = std::move(changed)](const Problem& p, const Arguments& a) {
    normalize(p, a, changed);
  };
}

template <class Function, class Replacement>
Run with(Function Steps::*step, Replacement replacement) {
  Steps changed;
  changed.*step = replacement;
  return taking(std::move(changed));
}

// The same, for a formula that needs eps, which is its last argument.
template <class Function, class Replacement>
Run with_eps(Function Steps::*step, Replacement formula) {
  return [step, formula](const Problem& p, const Arguments& a) {
    Steps changed;
    changed.*step = [formula, eps = p.eps](double v, double n) { return formula(v, n, eps); };
    normalize(p, a, changed);
  };
}

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

double in(DType dtype, double value) { return steps::rounded(dtype, value); }

// ---- How values are grouped, placed and found.

std::int64_t channel(const Problem&, Element e) { return e.k; }
std::int64_t sample(const Problem&, Element e) { return e.i; }
std::int64_t sample_and_channel(const Problem& p, Element e) { return e.i * p.c + e.k; }
std::int64_t sample_and_position(const Problem& p, Element e) { return e.i * p.l + e.j; }
std::int64_t everything(const Problem&, Element) { return 0; }
std::int64_t interleaved_group(const Problem& p, Element e) {
  return e.i * p.groups + e.k % p.groups;
}
std::int64_t group(const Problem& p, Element e) { return e.k / (p.c / p.groups); }
std::int64_t groups_for_group_size(const Problem& p, Element e) {
  return e.i * p.c + e.k / p.groups;
}

std::int64_t groups_of_a_power_of_two(const Problem& p, Element e) {
  const auto size =
      static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(p.c / p.groups)));
  return e.i * p.groups + std::min(e.k / size, p.groups - 1);
}

// Gamma and beta.
std::int64_t by_position(const Problem&, Element e) { return e.j; }
std::int64_t as_ncl(const Problem& p, Element e) { return e.k * p.l + e.j; }
std::int64_t as_nlc(const Problem& p, Element e) { return e.j * p.c + e.k; }
auto parameter_at_distance(std::int64_t distance) {
  return [distance](const Problem& p, Element e) {
    const std::int64_t count = affine_count(p);
    return (steps::parameter_of(p, e) + distance + count) % count;
  };
}

// Statistics of one mini-batch, in the order of samples or of what lies side by side.
std::int64_t rows_of_statistics(const Problem& p) { return p.norm == Norm::kBatch ? 1 : p.batch; }
std::int64_t transposed_statistic(const Problem& p, std::int64_t at) {
  const std::int64_t beside = statistics_side_by_side(p);
  return at % beside * rows_of_statistics(p) + at / beside;
}
auto statistic_at_distance(std::int64_t distance) {
  return [distance](const Problem& p, std::int64_t at) {
    const std::int64_t count = rows_of_statistics(p) * statistics_side_by_side(p);
    return (at + distance + count) % count;
  };
}

Problem in_the_other_layout(Problem p) {
  p.layout = p.layout == Layout::kNcl ? Layout::kNlc : Layout::kNcl;
  return p;
}

std::ptrdiff_t place_in_the_other_layout(const Problem& p, Element e) {
  return position(in_the_other_layout(p), e);
}

// ---- Statistics of a part of the values, or of too many.

// Sums over some values, divided by a count that need not be theirs.
Statistic of_some(const Problem& p, const std::vector<double>& some, double count) {
  double sum = 0;
  for (const double value : some) sum += value;
  const double mean = p.norm == Norm::kRms ? 0 : sum / count;
  double squares = 0;
  for (const double value : some) squares += (value - mean) * (value - mean);
  return {mean, squares / count};
}

// Whether a value is behind the last whole `width` of its row of l, or of all that follow each
// other.
template <class Keep>
std::vector<double> kept(Values values, Keep keep) {
  std::vector<double> some;
  for (std::size_t at = 0; at < values.size(); ++at) {
    if (keep(static_cast<std::int64_t>(at))) some.push_back(values[at]);
  }
  return some;
}

enum class Tail { kOfRows, kOfAll };

auto without_tail(Tail tail, std::int64_t width) {
  return [tail, width](const Problem& p, Values values) {
    const auto row = tail == Tail::kOfRows ? p.l : static_cast<std::int64_t>(values.size());
    return kept(values, [&](std::int64_t at) { return at % row < row / width * width; });
  };
}

Values without_last(Values values) { return values.first(values.size() - 1); }
Values without_first(Values values) { return values.last(values.size() - 1); }
Values last_row(const Problem& p, Values values) {
  return values.last(std::min(values.size(), index(p.l)));
}
Values first_row(const Problem& p, Values values) {
  return values.first(std::min(values.size(), index(p.l)));
}
Values without_last_row(const Problem& p, Values values) {
  return values.first(values.size() - std::min(values.size(), index(p.l)));
}

// A mistake in which values count: in the statistics, or in both sums of a backward pass.
template <class Choose>
Run counting(Choose choose) {
  Steps changed;
  changed.statistic = [choose](const Problem& p, Values values) {
    const auto some = choose(p, values);
    return of_some(p, {some.begin(), some.end()}, static_cast<double>(values.size()));
  };
  changed.sums = changed.gradients = [choose](const Problem& p, Values g, Values xh) {
    const auto some_g = choose(p, g);
    const auto some_xh = choose(p, xh);
    return sums_of(Values(some_g), Values(some_xh));
  };
  return taking(std::move(changed));
}

// The same, with the count of those that are left.
template <class Choose>
Run counting_all_of(Choose choose) {
  return with(&Steps::statistic, [choose](const Problem& p, Values values) {
    const auto some = choose(p, values);
    return of_some(p, {some.begin(), some.end()}, static_cast<double>(some.size()));
  });
}

Run dividing_by(double (*count)(const Problem&, double)) {
  return with(&Steps::statistic, [count](const Problem& p, Values values) {
    return of_some(p, {values.begin(), values.end()}, count(p, static_cast<double>(values.size())));
  });
}

template <class Wrong>
Run statistic_of_y(Wrong wrong) {
  return with(&Steps::statistic_of_y, wrong);
}

auto of_neighbor(std::int64_t distance) {
  return [distance](const Problem& p, const Arguments& a, std::int64_t at, Statistic) {
    const std::int64_t count = rows_of_statistics(p) * statistics_side_by_side(p);
    const std::int64_t other = (at + distance + count) % count;
    if (p.uses_running_statistics()) {
      return Statistic{steps::load(a.running_mean, other), steps::load(a.running_var, other)};
    }
    return two_pass(p, steps::values_of(p, a.x, other));
  };
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

// ---- Mini-batches.

const std::array kRows = {&Arguments::mean, &Arguments::variance, &Arguments::rstd,
                          &Arguments::dgamma, &Arguments::dbeta};

// Writes the first row of each output with rows for mini-batches to all rows.
void repeat_first_row(const Problem& p, const Arguments& a) {
  for (const auto member : kRows) {
    const Tensor& rows = a.*member;
    const bool saved =
        member == &Arguments::mean || member == &Arguments::variance || member == &Arguments::rstd;
    if (!rows.present() || (saved && p.norm != Norm::kBatch)) continue;
    const std::int64_t row = rows.c * rows.l;
    for (std::int64_t at = row; at < rows.size(); ++at) {
      steps::store(rows, at, steps::load(rows, at % row));
    }
  }
}

// Only a training pass has statistics to mix up. Its saved statistics are inputs of the backward
// pass, which keeps them.
void ignoring_mini_batches(const Problem& p, const Arguments& a) {
  Problem whole = p;
  whole.batch = p.n;
  if (p.pass == Pass::kBackward) return normalize(p, a, {});
  normalize(whole, a, {});
  repeat_first_row(p, a);
}

Problem one_mini_batch(Problem p) {
  p.n = p.batch;
  return p;
}

void saving_all_in_the_first_rows(const Problem& p, const Arguments& a) {
  for (std::int64_t i = 0; i < p.mini_batches(); ++i) {
    Arguments part = mini_batch(p, a, i);
    for (const auto member : {&Arguments::mean, &Arguments::variance, &Arguments::rstd}) {
      part.*member = (a.*member).rows(0, rows_of_statistics(p));
    }
    normalize(one_mini_batch(p), part, {});
  }
}

void saving_the_means_in_the_first_rows(const Problem& p, const Arguments& a) {
  for (std::int64_t i = 0; i < p.mini_batches(); ++i) {
    Arguments part = mini_batch(p, a, i);
    part.mean = a.mean.rows(0, rows_of_statistics(p));
    normalize(one_mini_batch(p), part, {});
  }
}

void with_statistics_of_the_first(const Problem& p, const Arguments& a) {
  const Arguments first = mini_batch(p, a, 0);
  Steps changed;
  changed.statistic_of_y = [&](const Problem& part, const Arguments&, std::int64_t at, Statistic) {
    return two_pass(part, steps::values_of(part, first.x, at));
  };
  normalize(p, a, p.norm == Norm::kBatch ? changed : Steps{});
}

void backwards_through_mini_batches(const Problem& p, const Arguments& a) {
  for (std::int64_t i = p.mini_batches() - 1; i >= 0; --i) {
    normalize(one_mini_batch(p), mini_batch(p, a, i), {});
  }
}

std::vector<double> copy_of(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t at = 0; at < tensor.size(); ++at) values.push_back(steps::load(tensor, at));
  return values;
}

void write(const std::vector<double>& values, const Tensor& tensor) {
  for (std::size_t at = 0; at < values.size(); ++at) {
    steps::store(tensor, static_cast<std::int64_t>(at), values[at]);
  }
}

// `last`: each mini-batch begins with the running statistics from before, and the last one stays;
// else it is only the first one that counts.
template <bool kLast>
void updating_by_one_mini_batch(const Problem& p, const Arguments& a) {
  const auto mean = copy_of(a.running_mean);
  const auto variance = copy_of(a.running_var);
  auto first_mean = mean;
  auto first_variance = variance;
  for (std::int64_t i = 0; i < p.mini_batches(); ++i) {
    write(mean, a.running_mean);
    write(variance, a.running_var);
    normalize(one_mini_batch(p), mini_batch(p, a, i), {});
    if (i == 0) {
      first_mean = copy_of(a.running_mean);
      first_variance = copy_of(a.running_var);
    }
  }
  if (!kLast) {
    write(first_mean, a.running_mean);
    write(first_variance, a.running_var);
  }
}

// Gradients of the mini-batches so far, or of all of them, in every row.
template <bool kAll>
void summing_gradients_over_mini_batches(const Problem& p, const Arguments& a) {
  normalize(p, a, {});
  for (const Tensor& rows : {a.dgamma, a.dbeta}) {
    if (!rows.present()) continue;
    const std::int64_t row = rows.c * rows.l;
    for (std::int64_t at = row; at < rows.size(); ++at) {
      steps::store(rows, at, steps::load(rows, at) + steps::load(rows, at - row));
    }
    if (!kAll) continue;
    for (std::int64_t at = 0; at < rows.size() - row; ++at) {
      steps::store(rows, at, steps::load(rows, rows.size() - row + at % row));
    }
  }
}

// ---- Backward.

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

// ---- Storage.

// `value` with the first `digits` of its binary digits, the others cut off.
double cut_off(double value, int digits) {
  const std::uint64_t mask = ~std::uint64_t{0} << static_cast<unsigned>(53 - digits);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & mask);
}

Statistic statistic_in(DType dtype, const Problem& p, Values x) {
  const Statistic right = two_pass(p, x);
  return {in(dtype, right.mean), in(dtype, right.variance)};
}

Statistic sums_in(DType dtype, const Problem& p, Values x) {
  double sum = 0;
  for (const double value : x) sum = in(dtype, sum + value);
  const double mean = p.norm == Norm::kRms ? 0 : sum / static_cast<double>(x.size());
  return {mean, two_pass(p, x).variance};
}

Run stored(std::function<double(DType, double)> how) { return with(&Steps::stored, how); }

Run stored_by_way_of(DType narrow) {
  return stored([narrow](DType dtype, double value) { return in(dtype, in(narrow, value)); });
}

double updated(double running, double statistic, double m) {
  return (1 - m) * running + m * statistic;
}

double inverted_root(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

void add_statistics(std::vector<Entry>& list) {
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
  add("sums were not divided by the number of values",
      dividing_by([](const Problem&, double) { return 1.0; }));
  add("sums of squares were saved as the variance",
      with(&Steps::saved_variance, [](double v, double n) { return v * n; }));
  add("mean and variance were divided by n - 1",
      dividing_by([](const Problem&, double n) { return n - 1; }));
  add("sums of a mini-batch were divided by the values of all samples",
      dividing_by(
          [](const Problem& p, double n) { return n * static_cast<double>(p.mini_batches()); }));
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
  add("mini-batches were ignored: the statistics are those of all samples", ignoring_mini_batches);
  add("y of all mini-batches were made with the statistics of the first",
      with_statistics_of_the_first);
}

void add_saving(std::vector<Entry>& list) {
  list.push_back({saves_statistics,
                  {"the statistics of all mini-batches were saved in the first rows",
                   saving_all_in_the_first_rows}});
  list.push_back({saves_statistics,
                  {"the means of all mini-batches were saved in the first rows",
                   saving_the_means_in_the_first_rows}});
}

void add_counting(std::vector<Entry>& list) {
  const auto add = [&](std::string words, Run run) {
    list.push_back({normalizes, {std::move(words), std::move(run)}});
  };
  for (const std::int64_t width : {4, 8, 16, 32, 64}) {
    add(fmt::format("the values behind the last whole {} of each row of l did not count", width),
        counting(without_tail(Tail::kOfRows, width)));
  }
  for (const std::int64_t width : {4, 8, 16, 32, 64}) {
    add(fmt::format("the last n % {} values of each sum did not count", width),
        counting(without_tail(Tail::kOfAll, width)));
  }
  add("the last value did not count",
      counting([](const Problem&, Values v) { return without_last(v); }));
  add("the first value did not count",
      counting([](const Problem&, Values v) { return without_first(v); }));
  add("there were one value less, the last one",
      counting_all_of([](const Problem&, Values v) { return without_last(v); }));
  add("there were one value less, the first one",
      counting_all_of([](const Problem&, Values v) { return without_first(v); }));
  add("the last row of l did not count", counting(without_last_row));
  add("only the first row of l counted", counting(first_row));
  add("only the last row of l counted", counting(last_row));
}

void add_places(std::vector<Entry>& list) {
  const auto add = [&](Concerns concerns, std::string words, Run run) {
    list.push_back({concerns, {std::move(words), std::move(run)}});
  };
  add(normalizes, "the layout were the other one (ncl for nlc, nlc for ncl)",
      [](const Problem& p, const Arguments& a) { normalize(in_the_other_layout(p), a, {}); });
  add(all, "{} were written in the other layout (ncl for nlc, nlc for ncl)",
      with(&Steps::place, place_in_the_other_layout));
  struct Grouping {
    const char* words;
    std::int64_t (*at)(const Problem&, Element);
  };
  for (const auto& [words, at] : std::vector<Grouping>{
           {"there were a statistic for each channel, over all samples", channel},
           {"there were a statistic for each sample, over all channels", sample},
           {"there were a statistic for each sample and channel", sample_and_channel},
           {"there were a statistic for each sample and position", sample_and_position},
           {"there were one statistic over everything", everything}}) {
    add(normalizes, words, with(&Steps::statistic_at, at));
  }
  for (const auto& [words, at] : std::vector<Grouping>{
           {"groups were made of every channel in turn", interleaved_group},
           {"groups went over all samples", group},
           {"the number of groups were taken for the channels of one", groups_for_group_size},
           {"groups had as many channels as the next power of two", groups_of_a_power_of_two}}) {
    add(has_groups, words, with(&Steps::statistic_at, at));
  }
  add(has_groups, "gamma and beta were one for each group", with(&Steps::parameter_at, group));
  for (const auto& [words, at] :
       std::vector<Grouping>{{"gamma and beta were one for each channel", channel},
                             {"gamma and beta were one for each position", by_position},
                             {"gamma and beta were in the order of ncl", as_ncl},
                             {"gamma and beta were in the order of nlc", as_nlc}}) {
    add(normalizes, words, with(&Steps::parameter_at, at));
  }
  add(normalizes, "gamma and beta were those of the next element",
      with(&Steps::parameter_at, parameter_at_distance(1)));
  add(normalizes, "gamma and beta were those of the element before",
      with(&Steps::parameter_at, parameter_at_distance(-1)));
  add(normalizes, "saved statistics were transposed (samples and channels)",
      with(&Steps::saved_at, transposed_statistic));
  add(normalizes, "statistics were saved, or read, one place too far",
      with(&Steps::saved_at, statistic_at_distance(1)));
  add(normalizes, "statistics were saved, or read, one place too early",
      with(&Steps::saved_at, statistic_at_distance(-1)));
  add(forward, "y were made with the statistics of the next channel, or sample",
      statistic_of_y(of_neighbor(1)));
  add(forward, "y were made with the statistics of the channel, or sample, before",
      statistic_of_y(of_neighbor(-1)));
}

void add_forward(std::vector<Entry>& list) {
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

void add_running(std::vector<Entry>& list) {
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
  add("the running statistics went through the mini-batches in another order",
      backwards_through_mini_batches);
  add("only the last mini-batch updated the running statistics", updating_by_one_mini_batch<true>);
  add("only the first mini-batch updated the running statistics",
      updating_by_one_mini_batch<false>);
}

void add_backward(std::vector<Entry>& list) {
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
  add("dgamma and dbeta were summed over the mini-batches so far",
      summing_gradients_over_mini_batches<false>);
  add("dgamma and dbeta were summed over all mini-batches",
      summing_gradients_over_mini_batches<true>);
  add("the statistics were those of the batch, as in training",
      backward_with_statistics_of_the_batch);
}

void add_storage(std::vector<Entry>& list) {
  const auto add = [&](std::string words, Run run) {
    list.push_back({narrow_or_wide, {std::move(words), std::move(run)}});
  };
  add("{} were cut off to the type, not rounded", stored([](DType dtype, double value) {
        return in(dtype, cut_off(value, format_of(dtype).digits));
      }));
  for (const DType narrow : {DType::kBf16, DType::kF16, DType::kF32}) {
    const std::string type(name(narrow));
    add("{} were rounded to " + type + " on the way", stored_by_way_of(narrow));
    add("statistics were kept in " + type,
        with(&Steps::statistic,
             [narrow](const Problem& p, Values x) { return statistic_in(narrow, p, x); }));
    add("values were summed in " + type,
        with(&Steps::statistic,
             [narrow](const Problem& p, Values x) { return sums_in(narrow, p, x); }));
    add("running statistics were kept in " + type,
        with(&Steps::update, [narrow](double running, double statistic, double m) {
          return in(narrow, updated(running, statistic, m));
        }));
    add("momentum were taken in " + type,
        with(&Steps::update, [narrow](double running, double statistic, double m) {
          return updated(running, statistic, in(narrow, m));
        }));
    add("rstd were taken in " + type, with(&Steps::rstd, [narrow](double v, double eps) {
          return in(narrow, inverted_root(v, eps));
        }));
    add("eps were taken in " + type, with(&Steps::rstd, [narrow](double v, double eps) {
          return inverted_root(v, in(narrow, eps));
        }));
    add("x - mean were taken in " + type, with(&Steps::y, [narrow](const Output& t) {
          return in(narrow, t.x - t.mean) * t.rstd * t.gamma + t.beta;
        }));
    add("x were read as " + type, with(&Steps::y, [narrow](const Output& t) {
          return (in(narrow, t.x) - t.mean) * t.rstd * t.gamma + t.beta;
        }));
    add("xh were taken in " + type, with(&Steps::xh, [narrow](double x, double mean, double rstd) {
          return in(narrow, (x - mean) * rstd);
        }));
    add("dgamma and dbeta were kept in " + type,
        with(&Steps::gradients, [narrow](const Problem&, Values dy, Values all_xh) {
          const Sums right = sums_of(dy, all_xh);
          return Sums{in(narrow, right.g), in(narrow, right.g_xh)};
        }));
  }
  add("numbers below the smallest normal one were taken for 0",
      stored([](DType dtype, double value) {
        return std::abs(value) < format_of(dtype).smallest_normal() ? 0 : value;
      }));
  add("what is too large for the type were its largest number",
      stored([](DType dtype, double value) {
        const double most = format_of(dtype).largest();
        return in(dtype, std::clamp(value, -most, most));
      }));
}

void add_copies(std::vector<Entry>& list) {
  list.push_back(
      {copies, {"the sign were changed", with(&Steps::copy, [](double value) { return -value; })}});
  list.push_back(
      {copies, {"there were only zeros", with(&Steps::copy, [](double) { return 0.0; })}});
}

std::vector<Entry> all_mistakes() {
  std::vector<Entry> list;
  add_forward(list);
  add_statistics(list);
  add_running(list);
  add_backward(list);
  add_saving(list);
  add_counting(list);
  add_places(list);
  add_storage(list);
  add_copies(list);
  return list;
}

}  // namespace

std::vector<const Mistake*> mistakes_for(const Problem& problem) {
  static const std::vector<Entry> known = all_mistakes();
  std::vector<const Mistake*> some;
  for (const Entry& entry : known) {
    if (entry.concerns(problem)) some.push_back(&entry.mistake);
  }
  return some;
}

}  // namespace normbench
