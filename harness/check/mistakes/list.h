// What the lists of mistakes are made of: a norm in steps, of which a mistake replaces one or two.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/mistakes.h"
#include "harness/check/steps.h"

namespace normbench::mistakes {

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

inline bool normalizes(const Problem& p) { return p.norm != Norm::kNone; }
inline bool copies(const Problem& p) { return p.norm == Norm::kNone; }
inline bool all(const Problem&) { return true; }
inline bool forward(const Problem& p) { return normalizes(p) && !p.backward(); }
inline bool finds_statistics(const Problem& p) {
  return forward(p) && !p.uses_running_statistics();
}
inline bool saves_statistics(const Problem& p) {
  return normalizes(p) && p.pass == Pass::kForwardTraining;
}
inline bool updates(const Problem& p) { return saves_statistics(p) && p.norm == Norm::kBatch; }
inline bool is_given_statistics(const Problem& p) { return p.uses_running_statistics(); }
inline bool backward(const Problem& p) { return normalizes(p) && p.backward(); }
inline bool rms_backward(const Problem& p) { return backward(p) && p.norm == Norm::kRms; }
inline bool has_groups(const Problem& p) { return p.norm == Norm::kGroup; }
inline bool narrow_or_wide(const Problem& p) { return p.dtype != DType::kF32; }

struct Entry {
  Concerns concerns;
  Mistake mistake;
};

// Adds to a list of those that are told.
using Mistakes = std::vector<Entry>;
void add_forward(Mistakes& list);
void add_statistics(Mistakes& list);
void add_running(Mistakes& list);
void add_backward(Mistakes& list);
void add_mini_batches(Mistakes& list);
void add_counting(Mistakes& list);
void add_places(Mistakes& list);
void add_storage(Mistakes& list);
void add_copies(Mistakes& list);

// Right but for some steps.
inline Run taking(Steps changed) {
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

inline std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

inline double in(DType dtype, double value) { return steps::rounded(dtype, value); }

inline double inverted_root(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

inline double updated(double running, double statistic, double m) {
  return (1 - m) * running + m * statistic;
}

// Rows of mean, variance and rstd for one mini-batch.
inline std::int64_t rows_of_statistics(const Problem& p) {
  return p.norm == Norm::kBatch ? 1 : p.batch;
}

inline Problem one_mini_batch(Problem p) {
  p.n = p.batch;
  return p;
}

}  // namespace normbench::mistakes
