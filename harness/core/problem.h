// A problem: one fully fixed piece of normalization work, its text id, and the rules it must obey.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace normbench {

// kNone is the control: the identity, which is what no normalization costs.
enum class Norm { kBatch, kLayer, kInstance, kGroup, kRms, kNone };
enum class Pass { kForwardTraining, kForwardInference, kBackward, kBackwardInference };
enum class DType { kF32, kF64, kBf16, kF16 };
enum class Layout { kNcl, kNlc };

inline constexpr std::array kEveryNorm = {Norm::kBatch, Norm::kLayer, Norm::kInstance,
                                          Norm::kGroup, Norm::kRms,   Norm::kNone};
inline constexpr std::array kEveryPass = {Pass::kForwardTraining, Pass::kForwardInference,
                                          Pass::kBackward, Pass::kBackwardInference};
inline constexpr std::array kEveryDType = {DType::kF32, DType::kF64, DType::kBf16, DType::kF16};
inline constexpr std::array kEveryLayout = {Layout::kNcl, Layout::kNlc};

std::string_view name(Norm norm);
std::string_view name(Pass pass);
std::string_view name(DType dtype);
std::string_view name(Layout layout);

// The value that `text` names, or nothing.
std::optional<Norm> parse_norm(std::string_view text);
std::optional<Pass> parse_pass(std::string_view text);
std::optional<DType> parse_dtype(std::string_view text);
std::optional<Layout> parse_layout(std::string_view text);

// Bytes of one stored element.
std::size_t size_of(DType dtype);

// Statistics and affine parameters are f64 for f64 data, else f32.
DType parameter_dtype(DType dtype);

// The defaults of torch.nn.BatchNorm1d.
inline constexpr double kDefaultEps = 1e-5;
inline constexpr double kDefaultMomentum = 0.1;

struct Problem {
  Norm norm = Norm::kBatch;
  Pass pass = Pass::kForwardTraining;
  DType dtype = DType::kF32;
  Layout layout = Layout::kNcl;
  std::int64_t n = 1;      // samples
  std::int64_t c = 1;      // channels
  std::int64_t l = 1;      // positions; (N, C) input has l = 1
  std::int64_t batch = 1;  // samples of one mini-batch; divides n
  std::int64_t groups = 1;
  double eps = kDefaultEps;
  double momentum = kDefaultMomentum;
  bool affine = true;

  std::int64_t elements() const { return n * c * l; }
  // An empty problem is one mini-batch without samples.
  std::int64_t mini_batches() const { return batch == 0 ? 1 : n / batch; }
  // Values per channel and mini-batch: what one statistic of batch norm is made of.
  std::int64_t values_per_channel() const { return batch * l; }
  // Terms of the longest sum: over a statistic or, backward, over a parameter and a mini-batch.
  std::int64_t longest_sum() const;
  bool backward() const { return pass == Pass::kBackward || pass == Pass::kBackwardInference; }
  // Whether the statistics are given, not found.
  bool uses_running_statistics() const {
    return norm == Norm::kBatch &&
           (pass == Pass::kForwardInference || pass == Pass::kBackwardInference);
  }

  // Whether the pass finds variances of x: that of rms is a mean square.
  bool finds_variance() const {
    return !backward() && norm != Norm::kRms && norm != Norm::kNone && !uses_running_statistics();
  }

  bool operator==(const Problem&) const = default;
};

// The same problem as one mini-batch, where mini-batches have neither statistics nor gradients of
// their own.
inline Problem merge_mini_batches(Problem problem) {
  const bool has_statistics = problem.norm == Norm::kBatch && !problem.uses_running_statistics();
  const bool has_gradients = problem.norm != Norm::kNone && problem.backward() && problem.affine;
  if (!has_statistics && !has_gradients) problem.batch = problem.n;
  return problem;
}

// "batch/forward_training/f32/ncl/n64_c256_l128", followed by what differs from the defaults:
// "_b16" (batch, when not N), "_g8" (groups), "_eps0.001", "_m0.01" (momentum), "_plain" (no
// affine). Unique, so that parse_problem(id(p)) == p.
std::string id(const Problem& problem);

// The problem that `text` names, or nothing when `text` is not an id in exactly this spelling.
std::optional<Problem> parse_problem(std::string_view text);

// Why PyTorch would refuse the problem, in words that say what to change; nothing when it is
// valid. What a single backend cannot do is not here but in its supports().
std::optional<std::string> invalid(const Problem& problem);

// Compulsory traffic of one run in bytes: every large tensor that the pass must read or write,
// once (forward: x and y; backward: x, dy and dx, or dy and dx where nothing was normalized).
std::int64_t compulsory_bytes(const Problem& problem);

}  // namespace normbench
