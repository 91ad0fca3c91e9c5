// Values that do not count in a sum, and sums that are divided by another number.
#include <fmt/format.h>

#include <algorithm>

#include "harness/check/mistakes/list.h"

namespace normbench::mistakes {
namespace {

// Sums over some values, divided by a count that need not be theirs.
Statistic of_some(const Problem& p, const std::vector<double>& some, double count) {
  double sum = 0;
  for (const double value : some) sum += value;
  const double mean = p.norm == Norm::kRms ? 0 : sum / count;
  double squares = 0;
  for (const double value : some) squares += (value - mean) * (value - mean);
  return {mean, squares / count};
}

template <class Keep>
std::vector<double> kept(Values values, Keep keep) {
  std::vector<double> some;
  for (std::size_t at = 0; at < values.size(); ++at) {
    if (keep(static_cast<std::int64_t>(at))) some.push_back(values[at]);
  }
  return some;
}

// Whether vectors end with each row of l, or with all values of a sum.
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

}  // namespace

void add_counting(Mistakes& list) {
  const auto add = [&](std::string words, Run run) {
    list.push_back({normalizes, {std::move(words), std::move(run)}});
  };
  const auto add_of_statistics = [&](std::string words, Run run) {
    list.push_back({finds_statistics, {std::move(words), std::move(run)}});
  };
  add_of_statistics("sums were not divided by the number of values",
                    dividing_by([](const Problem&, double) { return 1.0; }));
  add_of_statistics("mean and variance were divided by n - 1",
                    dividing_by([](const Problem&, double n) { return n - 1; }));
  add_of_statistics("sums of a mini-batch were divided by the values of all samples",
                    dividing_by([](const Problem& p, double n) {
                      return n * static_cast<double>(p.mini_batches());
                    }));
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

}  // namespace normbench::mistakes
