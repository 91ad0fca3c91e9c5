// The comparison of outputs with the oracle.
#include "harness/check/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <stdexcept>
#include <utility>

#include "harness/check/allocations.h"
#include "harness/check/attempt.h"
#include "harness/check/elements.h"
#include "harness/check/grouping.h"
#include "harness/check/number_format.h"
#include "harness/check/output.h"
#include "harness/check/outputs.h"
#include "harness/check/remote.h"

namespace normbench {
namespace {

constexpr std::array<std::string_view, 7> kOutcomes = {
    "passed", "failed", "crashed", "timed_out", "unsupported", "not_built", "not_installed"};

// The element of an output that is furthest off, in units of its bound.
struct Worst {
  double overflow = std::numeric_limits<double>::infinity();  // of the type of the output
  bool may_be_nan = false;                                    // where anything is right
  double error = -1;
  std::int64_t at = 0;
  double got = 0;
  Expected expected{};
  double largest_difference = 0;
  double largest_expected = 0;
  double largest_bound = 0;
  std::int64_t unjudged = 0;  // no value is wrong

  // `got` at the offsets from `first` on.
  void see(std::int64_t first, std::int64_t count, const double* got, const double* want,
           const double* bound) {
    double difference = 0;
    double size = 0;
    double widest = 0;
    double sum = 0;           // not finite when something that is expected is not
    std::int64_t beyond = 0;  // or unjudged
    // No division here: few pieces hold an element that is further off than all before.
    const double least = std::max(error, 0.0);
#pragma omp simd reduction(max : difference, size, widest) reduction(+ : sum, beyond)
    for (std::int64_t t = 0; t < count; ++t) {
      const double off = std::abs(got[t] - want[t]);
      beyond += (off <= least * bound[t] && bound[t] <= kLargestBound) ? 0 : 1;
      difference = off > difference ? off : difference;
      const double expected_size = std::abs(want[t]);
      size = expected_size > size ? expected_size : size;
      widest = bound[t] > widest ? bound[t] : widest;
      sum += want[t] * 0 + bound[t] * 0;
    }
    const bool finite = sum == 0;
    if (finite) {
      largest_difference = std::max(largest_difference, difference);
      largest_expected = std::max(largest_expected, size);
      largest_bound = std::max(largest_bound, widest);
    }
    if (!finite || beyond > 0 || error < 0) see_one_by_one(first, count, got, want, bound);
  }
  void see(const Worst& other) {
    if (other.error > error || (other.error == error && other.at < at)) {
      keep(other.error, other.at, other.got, other.expected);
    }
    largest_difference = std::max(largest_difference, other.largest_difference);
    largest_expected = std::max(largest_expected, other.largest_expected);
    largest_bound = std::max(largest_bound, other.largest_bound);
    unjudged += other.unjudged;
  }
  double ulp(DType dtype) const {
    if (largest_expected <= largest_bound) return 0;
    return largest_difference / format_of(dtype).spacing(largest_expected);
  }
  bool within_bound() const { return error <= 1; }

 private:
  void keep(double ratio, std::int64_t offset, double value, const Expected& want) {
    error = ratio;
    at = offset;
    got = value;
    expected = want;
  }
  // For the worst, and where nothing finite is expected or the bound is not finite.
  void see_one_by_one(std::int64_t first, std::int64_t count, const double* values,
                      const double* wants, const double* bounds) {
    for (std::int64_t t = 0; t < count; ++t) {
      const Expected want{wants[t], bounds[t]};
      const double ratio = error_of(values[t], want, overflow, may_be_nan);
      if (is_unjudged(want) && ratio == 0 && values[t] != want.value) ++unjudged;
      if (std::isfinite(want.value) && std::isfinite(values[t])) {
        largest_difference = std::max(largest_difference, std::abs(values[t] - want.value));
        largest_expected = std::max(largest_expected, std::abs(want.value));
        largest_bound = std::max(largest_bound, want.bound);
      }
      if (ratio > error) keep(ratio, first + t, values[t], want);
    }
  }
};

std::string position(const Problem& p, std::string_view name, const Tensor& tensor,
                     std::int64_t offset) {
  const std::int64_t row = offset / (tensor.c * tensor.l);
  const std::int64_t rest = offset % (tensor.c * tensor.l);
  const bool ncl = tensor.layout == Layout::kNcl;
  const std::int64_t k = ncl ? rest / tensor.l : rest % tensor.c;
  const std::int64_t j = ncl ? rest % tensor.l : rest / tensor.c;
  // The rows of statistics are samples, but for batch norm; those of gradients are mini-batches.
  const bool is_data = name == "y" || name == "dx";
  const bool is_statistic = !is_data && !name.starts_with("d") && p.norm != Norm::kBatch;
  std::string text = fmt::format("{} {}", is_data || is_statistic ? "sample" : "mini-batch", row);
  if (tensor.c > 1 || p.c == 1) {
    const bool is_group = is_statistic && p.norm == Norm::kGroup;
    text += fmt::format(", {} {}", is_group ? "group" : "channel", k);
  }
  if (is_data || tensor.l > 1) text += fmt::format(", position {}", j);
  return text;
}

// Collects the verdict over the outputs of one run.
class Comparison {
 public:
  Comparison(const Workspace& workspace, const Accuracy& accuracy)
      : workspace_(workspace),
        problem_(workspace.problem()),
        may_be_nan_(accuracy.variance != VarianceForm::kDeviations) {}

  // expect(first, count, values, bounds) for elements side by side.
  template <class Expect>
  void see(std::string_view name, const Tensor& tensor, Expect expect) {
    const auto ranges = ranges_of(tensor.size());
    std::vector<Worst> worst(
        ranges.size(), {.overflow = format_of(tensor.dtype).overflow(), .may_be_nan = may_be_nan_});
    with_storage(tensor.dtype, [&]<class T>(T) {
      const T* all = tensor.as<T>().data();
      for_each_range(ranges, [&](std::int64_t number, const Range& range) {
        std::array<double, kMostInPiece> got, values, bounds;
        Worst& mine = worst[static_cast<std::size_t>(number)];
        for (std::int64_t first = range.first; first < range.last; first += kMostInPiece) {
          const std::int64_t count = std::min(kMostInPiece, range.last - first);
          expect(first, count, values.data(), bounds.data());
          std::copy_n(all + first, count, got.data());
          mine.see(first, count, got.data(), values.data(), bounds.data());
        }
      });
    });
    Worst total;
    for (const Worst& part : worst) total.see(part);
    conclude(name, total, tensor);
  }

  Verdict verdict() && { return std::move(verdict_); }

 private:
  void conclude(std::string_view name, const Worst& worst, const Tensor& tensor) {
    if (tensor.size() == 0) return;
    const Error error{.bound = worst.error, .ulp = worst.ulp(tensor.dtype)};
    verdict_.error.see(error);
    verdict_.error_in[std::string(name)].see(error);
    verdict_.unjudged += worst.unjudged;
    if (worst.within_bound() || !verdict_.passed()) return;
    verdict_.outcome = Outcome::kFailed;
    verdict_.output = name;
    if (is_poison(tensor, worst.at)) {
      std::int64_t first = 0;
      while (!is_poison(tensor, first)) ++first;
      verdict_.reason = fmt::format("{} at {} is not written, or only added to", name,
                                    position(problem_, name, tensor, first));
      return;
    }
    // As many digits as tell numbers of the type apart.
    const int digits = tensor.dtype == DType::kF64 ? 17 : 9;
    verdict_.reason = fmt::format("{} at {} is {:.{}g}, expected {:.17g} +- {:.3g}", name,
                                  position(problem_, name, tensor, worst.at), worst.got, digits,
                                  worst.expected.value, worst.expected.bound);
  }

  bool is_poison(const Tensor& tensor, std::int64_t at) const {
    const std::size_t size = size_of(tensor.dtype);
    const auto* bytes = static_cast<const std::byte*>(tensor.data);
    return workspace_.is_poison({bytes + static_cast<std::size_t>(at) * size, size});
  }

  const Workspace& workspace_;
  const Problem& problem_;
  bool may_be_nan_;
  Verdict verdict_;
};

Verdict failed(std::string reason) {
  return {.outcome = Outcome::kFailed, .reason = std::move(reason)};
}

std::optional<std::string> wrong_claim(const Problem& problem, const Accuracy& accuracy) {
  const std::int64_t most = most_roundings(problem);
  if (accuracy.roundings >= 0 && accuracy.roundings <= static_cast<double>(most)) return {};
  return fmt::format("claims {:.9g} roundings, and the longest sum has {} terms: claim at most {}",
                     accuracy.roundings, most_terms(problem), most);
}

}  // namespace

void Error::see(const Error& other) {
  bound = std::max(bound, other.bound);
  ulp = std::max(ulp, other.ulp);
}

void Verdict::add_errors_of(const Verdict& earlier) {
  unjudged += earlier.unjudged;
  error.see(earlier.error);
  for (const auto& [output, worst] : earlier.error_in) error_in[output].see(worst);
  for (std::size_t kind = 0; kind < error_of.size(); ++kind) {
    error_of[kind].see(earlier.error_of[kind]);
    loss_of[kind].see(earlier.loss_of[kind]);
  }
}

std::string not_written(const Explanation& explanation) {
  std::string words;
  if (!explanation.left_as_it_was) return words;
  for (const WrongOutput& output : explanation.outputs) {
    if (output.unwritten == 0) continue;
    words += words.empty() ? "nothing is written to " : ", ";
    words += output.name;
    if (!output.where.empty()) words += " " + output.where;
  }
  return words;
}

std::string cause(const Symptom& symptom) {
  if (!symptom.in_other_calls.empty()) return symptom.in_other_calls;
  std::string words = not_written(symptom.explanation);
  for (const Alternatives& alternatives : symptom.explanation.as_if) {
    constexpr std::size_t kMostNamed = 2;
    if (!words.empty()) words += "; and ";
    for (std::size_t at = 0; at < std::min(alternatives.size(), kMostNamed); ++at) {
      words += (at > 0 ? ", or as if " : "as if ") + alternatives[at];
    }
  }
  if (words.empty() && symptom.explanation.right_bits > 0) {
    return fmt::format("right to about {} bits: as of an approximation, or of a narrower type",
                       symptom.explanation.right_bits);
  }
  return words;
}

std::string_view name(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

bool is_failure(Outcome outcome) {
  return outcome == Outcome::kFailed || outcome == Outcome::kCrashed ||
         outcome == Outcome::kTimedOut;
}

Verdict check_outputs(const Workspace& workspace, const Oracle& oracle, const Accuracy& accuracy,
                      std::int64_t calls, std::optional<std::uint64_t>* right) {
  if (const auto damage = workspace.damage()) return failed(*damage);

  Comparison compare(workspace, accuracy);
  const Arguments& a = workspace.arguments();
  const Tensor& large = workspace.problem().backward() ? a.dx : a.y;
  const std::uint64_t bits =
      right ? digest({static_cast<const std::byte*>(large.data), large.bytes()}) : 0;
  const bool with_large = !right || *right != bits;
  for_each_output(
      workspace, oracle, accuracy, calls, with_large,
      [&](auto name, const Tensor& tensor, auto expect) { compare.see(name, tensor, expect); });
  Verdict verdict = std::move(compare).verdict();
  if (right && verdict.passed()) *right = bits;
  return verdict;
}

InputCheck::InputCheck(Workspace& workspace, InputKind kind, std::uint64_t seed)
    : workspace_(workspace), kind_(kind), seed_(seed + static_cast<std::uint64_t>(kind)) {
  fill_workspace();
  oracle_.emplace(workspace.problem(), workspace.arguments(), kind == InputKind::kExact,
                  rounding_on(kind));
}

void InputCheck::fill_workspace() {
  fill(workspace_, kind_, seed_);
  workspace_.save_running();
  workspace_.protect_inputs();
}

void load_inputs(Checked& checked) {
  if (checked.loaded && !checked.native_layout) return;
  checked.kernel->load();
  checked.loaded = true;
}

void InputCheck::check(Checked& checked) {
  judge(checked, [&] { return run_twice(checked); });
}

void InputCheck::repeat(Checked& checked, const CheckOptions& options) {
  judge(checked, [&] { return run_again(checked, options); });
}

namespace {

// Says where the backend was when it threw.
template <class Work>
void in_stage(std::string_view stage, Work work) {
  try {
    work();
  } catch (const Interrupted&) {
    throw;
  } catch (const WorkerLost&) {  // which says it itself
    throw;
  } catch (const std::exception& error) {
    throw std::runtime_error(fmt::format("in {}: threw: {}", stage, error.what()));
  } catch (...) {
    throw std::runtime_error(
        fmt::format("in {}: threw something that is not a std::exception", stage));
  }
}

}  // namespace

template <class Run>
void InputCheck::judge(Checked& checked, Run run) {
  if (spoiled_) fill_workspace();
  workspace_.restore_running();
  Verdict now;
  const std::string input = fmt::format("{} input, ", name(kind_));
  const AttemptWords words = {.thrown = input};
  if (const auto trouble = attempt(*checked.backend, words, [&] { now = run(); })) {
    now = *trouble;
  }
  spoiled_ = !now.passed();
  now.error_of[static_cast<std::size_t>(kind_)] = now.error;
  now.add_errors_of(checked.verdict);
  checked.verdict = std::move(now);
}

namespace {

// A call, with what it does beside its work.
void run_watched(Checked& checked) {
  if (auto* const remote = dynamic_cast<RemoteKernel*>(checked.kernel.get())) {
    const RemoteKernel::Watched watched = remote->run_watched();
    checked.allocations = watched.allocations;
    checked.bytes_written = watched.bytes_written;
    return;
  }
  const OutputCounter output;
  {
    const AllocationCounter counter;
    checked.kernel->run();
    checked.allocations = counter.count();
  }
  checked.bytes_written = output.count();
}

Verdict of_other_bits(Verdict verdict) {
  verdict.outcome = Outcome::kFailed;
  verdict.reason = "right, but not the bits that the first call left: repeatable() must say so";
  return verdict;
}

}  // namespace

Verdict InputCheck::run_twice(Checked& checked) {
  Verdict total;
  std::optional<std::uint64_t> right;
  workspace_.poison(Poison::kNan);
  in_stage("load()", [&] { load_inputs(checked); });
  twice_ = {};
  for (const std::int64_t calls : {1, 2}) {
    const Poison poison = calls == 1 ? Poison::kNan : Poison::kNumber;
    const bool disturbed = calls == 2 && kind_ == InputKind::kRandom;
    // Damage done by load() must not be healed before the first call.
    if (calls > 1) workspace_.poison(poison);
    const auto start = std::chrono::steady_clock::now();
    if (calls > 1 && kind_ == InputKind::kRandom) {
      in_stage("run()", [&] { run_watched(checked); });
    } else {
      in_stage("run()", [&] { checked.kernel->run(); });
    }
    twice_ += std::chrono::steady_clock::now() - start;
    collect(*checked.kernel, disturbed);
    const auto first = right;
    Verdict verdict = check_outputs(workspace_, *oracle_, checked.accuracy, calls, &right);
    if (verdict.passed() && first && right != first && checked.repeatable) {
      verdict = of_other_bits(std::move(verdict));
    }
    if (checked.claims) checked.claims->see(workspace_, *oracle_, calls);
    if (calls == 1) {
      verdict.loss_of[static_cast<std::size_t>(kind_)] =
          variance_loss(workspace_, *oracle_, checked.accuracy);
    }
    verdict.add_errors_of(total);
    total = std::move(verdict);
    if (calls == 1 && kind_ == InputKind::kRandom) first_outputs_ = digest_of_outputs();
    if (total.passed()) continue;
    total.reason = fmt::format("{} input, call {}: {}", name(kind_), calls, total.reason);
    if (!total.output.empty() && rounding_on(kind_) == Rounding::kByChance &&
        check_outputs(workspace_, oracle_->of_the_worst_case(), checked.accuracy, calls).passed()) {
      total.reason += fmt::format(", which {:.9g} roundings allow, but not by chance",
                                  checked.accuracy.roundings);
    } else if (!total.output.empty()) {
      const double worst = total.error_in[total.output].bound;
      if (std::isfinite(worst)) total.reason += fmt::format(": {:.2g} bounds off", worst);
      if (const auto least = least_roundings(workspace_, *oracle_, checked.accuracy, calls)) {
        total.reason += fmt::format(", would pass with roundings >= {:.9g}", *least);
      }
    }
    explain(checked, total, calls, {poison, disturbed});
    break;
  }
  return total;
}

void InputCheck::explain(Checked& checked, Verdict& verdict, std::int64_t call, Call how) {
  if (verdict.output.empty()) return;
  Symptom& symptom = checked.symptoms.emplace_back(
      Symptom{.kind = kind_, .call = call, .reason = verdict.reason, .errors = verdict.error_in});
  if (!checked.explain) return;
  const bool may_be_rounding =
      std::all_of(checked.symptoms.begin(), checked.symptoms.end() - 1,
                  [](const Symptom& earlier) { return earlier.explanation.of_rounding; });
  // Comparing takes long: another kind of input is asked only while several mistakes are left.
  const bool is_clear =
      std::any_of(checked.symptoms.begin(), checked.symptoms.end(), [](const Symptom& earlier) {
        return !earlier.explanation.as_if.empty() && earlier.explanation.as_if[0].size() == 1;
      });
  const std::int64_t calls = call == 2 ? 2 : 1;  // since the running statistics were put back
  symptom.explanation =
      normbench::explain(workspace_, *oracle_, checked.accuracy, calls, may_be_rounding, !is_clear);
  if (symptom.explanation.as_if.empty() && rounding_on(kind_) == Rounding::kByChance &&
      check_outputs(workspace_, oracle_->of_the_worst_case(), checked.accuracy, calls).passed()) {
    symptom.explanation.as_if = {{"sums left out a part of the values"}};
  }
  try {
    symptom.in_other_calls = try_others(checked, symptom, how);
  } catch (const Interrupted&) {
    throw;
  } catch (const WorkerLost&) {
    throw;
  } catch (...) {  // then nothing more is known
  }
  if (const std::string words = cause(symptom); !words.empty()) verdict.reason += ": " + words;
}

// Calls that differ in one thing from the one that went wrong: which of them are right?
std::string InputCheck::try_others(Checked& checked, const Symptom& symptom, Call how) {
  const auto is_right_with = [&](Kernel& kernel, Call call) {
    workspace_.restore_running();
    workspace_.poison_outputs(call.poison);
    kernel.run();
    collect(kernel, call.disturbed);
    return check_outputs(workspace_, *oracle_, checked.accuracy, 1).passed();
  };
  const auto is_right = [&](Call call) { return is_right_with(*checked.kernel, call); };
  const std::uint64_t before = digest_of_outputs();
  const bool same_is_right = is_right({how.poison, false});
  if (same_is_right) {
    if (how.disturbed && !is_right(how)) {
      return "what run() leaves undone is done in collect(), or later: inputs are others by then";
    }
    return "the same call is right at other times: now and then it is wrong, or idle";
  }
  if (symptom.explanation.left_as_it_was && is_right({Poison::kZero, false})) {
    return "it is added to what the output held before, not written";
  }
  const Poison other = how.poison == Poison::kNan ? Poison::kNumber : Poison::kNan;
  if (is_right({other, false})) return "what the output held before the call makes a difference";
  if (symptom.call == 2) return "calls after the first are wrong: something is kept from it";
  is_right({how.poison, false});
  if (!how.disturbed && digest_of_outputs() != before) {
    return "the next call left other values: a race, or something is kept from call to call";
  }
  if (!symptom.explanation.as_if.empty() || symptom.explanation.left_as_it_was) return "";
  const auto fresh =
      checked.backend->prepare(workspace_.problem(), workspace_.arguments(), checked.threads);
  fresh->load();
  if (!is_right_with(*fresh, {how.poison, false})) return "";
  return "a kernel prepared on this very input is right: a result is kept from prepare(), load() "
         "or an earlier call";
}

Verdict InputCheck::run_again(Checked& checked, const CheckOptions& options) {
  const auto start = std::chrono::steady_clock::now() - twice_;
  const auto is_due = [&](int call) {
    if (call <= options.calls) return true;
    return call <= options.calls_if_short &&
           std::chrono::steady_clock::now() - start < options.short_time;
  };
  Verdict total;
  int call = 3;
  Call how;
  for (; is_due(call) && total.passed(); ++call) {
    options.before(checked.backend->name());
    workspace_.restore_running();
    in_stage("load()", [&] { load_inputs(checked); });
    how = {call % 2 == 0 ? Poison::kNan : Poison::kNumber, call % 4 == 0};
    workspace_.poison_outputs(how.poison);
    in_stage("run()", [&] { checked.kernel->run(); });
    collect(*checked.kernel, how.disturbed);
    if (digest_of_outputs() == first_outputs_) continue;
    Verdict verdict = check_outputs(workspace_, *oracle_, checked.accuracy, 1);
    // A variance that collect() makes of values in another order may have other bits.
    if (verdict.passed() && checked.repeatable && !how.disturbed) {
      verdict = of_other_bits(std::move(verdict));
    }
    verdict.add_errors_of(total);
    total = std::move(verdict);
  }
  if (!total.passed()) {
    total.reason = fmt::format("{} input, call {}: {}", name(kind_), call - 1, total.reason);
    explain(checked, total, call - 1, how);
  } else if (const auto damage = workspace_.damage()) {
    total = failed(fmt::format("{} input, calls 3 to {}: {}", name(kind_), call - 1, *damage));
  }
  return total;
}

// Of all that run() and collect() leave.
std::uint64_t InputCheck::digest_of_outputs() const {
  std::uint64_t total = 0;
  for (const BufferSpec& spec : buffer_specs(workspace_.problem())) {
    if (spec.role != Role::kOutput && spec.role != Role::kUpdated) continue;
    const Tensor& tensor = workspace_.arguments().*spec.member;
    total = 31 * total + digest({static_cast<const std::byte*>(tensor.data), tensor.bytes()});
  }
  return total;
}

// `disturbed`: the inputs are not what run() saw. Who has not done its work by then is wrong.
void InputCheck::collect(Kernel& kernel, bool disturbed) {
  const auto collect = [&] { in_stage("collect()", [&] { kernel.collect(); }); };
  if (!disturbed) return collect();
  workspace_.allow_writes();
  workspace_.disturb_inputs();
  collect();
  workspace_.disturb_inputs();
  if (!workspace_.damage()) workspace_.protect_inputs();
}

namespace {

// What is asked before the kernel is run: failed, if anything throws, or prepare() does damage.
void prepare(Checked& checked, Workspace& workspace) {
  const Backend& backend = *checked.backend;
  const AttemptWords words = {.thrown = "could not be prepared: ",
                              .left = "while it was prepared: "};
  const auto trouble = attempt(backend, words, [&] {
    const auto start = std::chrono::steady_clock::now();
    checked.kernel = backend.prepare(workspace.problem(), workspace.arguments(), checked.threads);
    const auto end = std::chrono::steady_clock::now();
    if (!checked.kernel) throw std::runtime_error("prepare() returned no kernel");
    const auto* remote = dynamic_cast<const RemoteKernel*>(checked.kernel.get());
    checked.prepare_ns =
        remote ? remote->last_ns() : std::chrono::duration<double, std::nano>(end - start).count();
    checked.accuracy = backend.accuracy(workspace.problem());
    checked.native_layout = backend.native_layout();
    checked.repeatable = backend.repeatable(workspace.problem());
    checked.detail = checked.kernel->detail();
    checked.measured = checked.kernel->measured();
  });
  if (trouble) {
    checked.verdict = *trouble;
  } else if (const auto damage = workspace.damage()) {
    checked.verdict = failed("while it was prepared: " + *damage);
  } else if (const auto objection = wrong_claim(workspace.problem(), checked.accuracy)) {
    checked.verdict = failed(*objection);
  }
}

}  // namespace

std::vector<Entrant> entrants(std::span<const Backend* const> backends, int threads) {
  std::vector<Entrant> list;
  for (const Backend* backend : backends) list.push_back({backend, threads});
  return list;
}

std::vector<InputKind> input_kinds_with(InputKind kind) {
  std::vector<InputKind> kinds(kInputKinds.begin(), kInputKinds.end());
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  return kinds;
}

std::vector<Checked> check_all(std::span<const Entrant> entrants, Workspace& workspace,
                               const CheckOptions& options) {
  std::vector<Checked> all;
  bool spoiled = true;
  for (const auto& [backend, threads] : entrants) {
    options.before(backend->name());
    Checked& checked = all.emplace_back();
    checked.backend = backend;
    checked.threads = threads;
    checked.explain = options.explain(*backend);
    Support support;
    const AttemptWords words = {.thrown = "supports() threw: ", .left = "supports() "};
    const auto trouble =
        attempt(*backend, words, [&] { support = backend->supports(workspace.problem()); });
    if (trouble) {
      checked.verdict = *trouble;
      continue;
    }
    if (!support.supported) {
      checked.verdict = {.outcome = Outcome::kUnsupported, .reason = support.reason};
      continue;
    }
    if (spoiled) fill(workspace, InputKind::kRandom, ~options.seed);
    prepare(checked, workspace);
    spoiled = !checked.verdict.passed();
    if (options.search_claims && checked.verdict.passed()) {
      checked.claims.emplace(workspace.problem(), checked.accuracy);
      checked.accuracy = checked.claims->widest();
    }
  }
  if (std::ranges::none_of(all, [](const Checked& one) { return one.verdict.passed(); }))
    return all;
  std::map<const Checked*, Verdict> first_failures;
  for (const InputKind kind : options.kinds) {
    options.before("");
    InputCheck input(workspace, kind, options.seed);
    for (Checked& checked : all) {
      if (!checked.verdict.passed()) continue;
      options.before(checked.backend->name());
      input.check(checked);
      const bool again =
          kind == InputKind::kRandom && std::max(options.calls, options.calls_if_short) > 2;
      if (again && checked.verdict.passed()) input.repeat(checked, options);
      if (!options.every_kind || checked.verdict.passed() || checked.verdict.output.empty()) {
        continue;
      }
      first_failures.emplace(&checked, checked.verdict);
      Verdict passed;
      passed.add_errors_of(checked.verdict);
      checked.verdict = std::move(passed);
    }
  }
  for (Checked& checked : all) {
    const auto first = first_failures.find(&checked);
    if (first == first_failures.end()) continue;
    // What is no matter of numbers ends all: it is the reason to be given.
    if (is_failure(checked.verdict.outcome)) continue;
    Verdict verdict = std::move(first->second);
    verdict.add_errors_of(checked.verdict);
    checked.verdict = std::move(verdict);
  }
  return all;
}

Verdict check(const Backend& backend, Workspace& workspace, int threads, std::uint64_t seed) {
  const std::array<Entrant, 1> one = {{{&backend, threads}}};
  return std::move(check_all(one, workspace, {.seed = seed}).front().verdict);
}

std::int64_t check_bytes(const Problem& problem) { return oracle_bytes(problem); }

}  // namespace normbench
