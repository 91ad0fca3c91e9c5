// Mini-batches that are mixed up.
#include <array>

#include "harness/check/mistakes/list.h"

namespace normbench::mistakes {
namespace {

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

}  // namespace

void add_mini_batches(Mistakes& list) {
  const auto add = [&](Concerns concerns, std::string words, Run run) {
    list.push_back({concerns, {std::move(words), std::move(run)}});
  };
  add(finds_statistics, "mini-batches were ignored: the statistics are those of all samples",
      ignoring_mini_batches);
  add(finds_statistics, "y of all mini-batches were made with the statistics of the first",
      with_statistics_of_the_first);
  add(saves_statistics, "the statistics of all mini-batches were saved in the first rows",
      saving_all_in_the_first_rows);
  add(saves_statistics, "the means of all mini-batches were saved in the first rows",
      saving_the_means_in_the_first_rows);
  add(updates, "the running statistics went through the mini-batches in another order",
      backwards_through_mini_batches);
  add(updates, "only the last mini-batch updated the running statistics",
      updating_by_one_mini_batch<true>);
  add(updates, "only the first mini-batch updated the running statistics",
      updating_by_one_mini_batch<false>);
  add(backward, "dgamma and dbeta were summed over the mini-batches so far",
      summing_gradients_over_mini_batches<false>);
  add(backward, "dgamma and dbeta were summed over all mini-batches",
      summing_gradients_over_mini_batches<true>);
}

}  // namespace normbench::mistakes
