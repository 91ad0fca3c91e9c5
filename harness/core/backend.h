// What every implementation offers: Backend says what it can do, Kernel does it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/arguments.h"

namespace normbench {

// A backend prepared for one problem, bound to its buffers. Their contents may change between
// calls; their addresses may not.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // Untimed: takes the inputs into the library's own layout. Called before the first run(), and
  // again whenever the inputs changed if the backend says native_layout(); its time is recorded.
  virtual void load() {}

  // Timed: the normalization itself, mini-batch after mini-batch. No allocation of its own, no
  // printing, no exceptions. May be called any number of times; each call does all the work again.
  virtual void run() = 0;

  // Untimed, but recorded, after the last run(): hands library-owned results back, and fills
  // whichever of variance and rstd the library does not produce. The inputs may be others by then,
  // but for the set of values of x that each statistic of a training pass is made of.
  virtual void collect() {}

  // What was dispatched, for people: "jit:avx512_core", "2 threads".
  virtual std::string detail() const { return ""; }

  // What was measured of this machine and decided on, as options of the backend that repeat the
  // decision elsewhere: "streaming=20971520,parallel=12288".
  virtual std::string measured() const { return ""; }
};

// Whether a backend takes a problem, and if not, why, in words that a user understands.
struct Support {
  bool supported = true;
  std::string reason;

  static Support yes() { return {}; }
  // Of everything but what PyTorch refuses, in its words: invalid() of problem.h. A problem without
  // values is no case, but one that kernels take.
  static Support if_valid(const Problem& problem);
  static Support no(std::string reason) { return {false, std::move(reason)}; }
};

// How y is formed: A, centred, (x - mean) * rstd * gamma + beta; B, folded, x * scale + shift. And
// backward: A, from sums of dy * (x - mean); B, dx = g * rstd + x * b + a, from sums of dy * x.
enum class Grade { kA, kB };

// How the variance of a forward pass that finds it is formed. Moments cancel where the mean is
// large beside the deviation, and may leave no correct digit: who claims them is held to what they
// can give, and is listed apart.
enum class VarianceForm {
  kDeviations,      // sum (x - mean)^2 / n, or by updating formulas
  kShiftedMoments,  // sum (x - s)^2 / n - (sum (x - s) / n)^2, where s is the first value
  kMoments          // sum x^2 / n - mean^2
};

inline constexpr std::array kEveryVarianceForm = {
    VarianceForm::kDeviations, VarianceForm::kShiftedMoments, VarianceForm::kMoments};

// "deviations", "shifted_moments", "moments".
std::string_view name(VarianceForm form);
std::optional<VarianceForm> parse_variance_form(std::string_view text);

// The accuracy that a backend claims for a problem, and that the check holds it to. The functions
// are the usual ways to sum n values, of which Problem::longest_sum() is the most that there are;
// `verify --claim` finds the least that passes.
struct Accuracy {
  Grade grade = Grade::kA;
  // Most roundings that any one value can suffer while a statistic is summed. For f64 a rounding is
  // one of doubles. More than the terms of the longest sum (and an eighth, and 64) is refused.
  double roundings = 0;
  // Whether sums of numbers with few digits come out exact, as they do in any order unless
  // something is multiplied by 1 / n on the way (as in updating formulas).
  bool exact_sums = true;
  VarianceForm variance = VarianceForm::kDeviations;
  // Whether collect() makes the variance of a saved rstd, as 1 / rstd^2 - eps.
  bool from_rstd = false;

  // In double: of values that are none.
  static Accuracy in_double() { return {}; }
  // One sum, value after value.
  static Accuracy sequential(std::int64_t n);
  // By halves, down to single values.
  static Accuracy pairwise(std::int64_t n);
  // w sums side by side, as in a vector of w numbers, which are added by halves.
  static Accuracy lanes(std::int64_t n, std::int64_t w);
  // Mean and variance updated with each value.
  static Accuracy welford(std::int64_t n);

  // The same sums, otherwise used.
  Accuracy folded() const;              // Grade::kB
  Accuracy rounded_sums() const;        // not exact_sums
  Accuracy by_moments() const;          // VarianceForm::kMoments
  Accuracy by_shifted_moments() const;  // VarianceForm::kShiftedMoments
  Accuracy variance_from_rstd() const;  // from_rstd
};

// Something about a backend that a user can set, to see what a part of it is worth.
struct BackendOption {
  std::string name;
  std::vector<std::string> values;  // that it takes; the first one is the default
  std::string what;                 // it is, in a few words
  std::string number;  // that it takes beside, if any: "BYTES", and a whole one above 0

  bool takes(std::string_view value) const;
  // "auto", "on", "off", "BYTES".
  std::vector<std::string> choices() const;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;
  virtual std::string version() const = 0;  // as loaded at run time
  virtual Support supports(const Problem& problem) const = 0;
  virtual Accuracy accuracy(const Problem&) const { return {}; }

  // Whether each run on the same inputs, with as many threads, leaves the same bits. It is held to
  // that.
  virtual bool repeatable(const Problem&) const { return true; }

  // True when load() or collect() convert between the caller's layout and the library's own, or
  // copy into memory of the library's own, be it in the same layout: what is not timed is labelled.
  virtual bool native_layout() const { return false; }

  virtual std::vector<BackendOption> options() const { return {}; }
  // This backend with one of its options set to one of the values that it takes, under a name that
  // says so: "simd[streaming=off]".
  virtual std::unique_ptr<Backend> with_option(std::string_view, std::string_view) const {
    return nullptr;
  }

  // Untimed, but reported. Throws std::exception with the library's words when it cannot.
  // `threads` is the most that run() may use.
  virtual std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                          int threads) const = 0;
};

struct NotBuilt {
  std::string name;
  std::string reason;
};

// Adds a backend to a list. Throws std::logic_error when it is not named as in
// impls/CMakeLists.txt, or as another one of the list.
void add_backend(std::vector<std::unique_ptr<Backend>>& list, std::string_view name,
                 std::unique_ptr<Backend> backend);

// The backends of this build, in the order of CMakeLists.txt, and those left out. The list is
// written by CMake: a self-registering object in a static library vanishes at link time.
const std::vector<std::unique_ptr<Backend>>& backends();
const std::vector<NotBuilt>& not_built_backends();

}  // namespace normbench
