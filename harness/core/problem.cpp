// Names, ids and validity of problems.
#include "harness/core/problem.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace normbench {
namespace {

// In the order of their values.
constexpr std::array<std::string_view, 6> kNorms = {"batch", "layer", "instance",
                                                    "group", "rms",   "none"};
constexpr std::array<std::string_view, 4> kPasses = {"forward_training", "forward_inference",
                                                     "backward", "backward_inference"};
constexpr std::array<std::string_view, 4> kDTypes = {"f32", "f64", "bf16", "f16"};
constexpr std::array<std::string_view, 2> kLayouts = {"ncl", "nlc"};
static_assert(kNorms.size() == kEveryNorm.size() && kPasses.size() == kEveryPass.size() &&
              kDTypes.size() == kEveryDType.size() && kLayouts.size() == kEveryLayout.size());

template <class Enum, std::size_t kCount>
std::optional<Enum> find(const std::array<std::string_view, kCount>& names, std::string_view text) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Shortest text that reads back as the same double.
std::string shortest(double value) {
  std::array<char, 32> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Reads one "_" part of an id into the field that its prefix names.
bool read_part(std::string_view part, Problem& problem) {
  const auto number = [&part](std::string_view prefix, auto& field) {
    if (!part.starts_with(prefix)) return false;
    using Number = std::remove_reference_t<decltype(field)>;
    const auto value = parse_number<Number>(part.substr(prefix.size()));
    if (value) field = *value;
    return value.has_value();
  };
  if (part == "plain") {
    problem.affine = false;
    return true;
  }
  return number("eps", problem.eps) || number("n", problem.n) || number("c", problem.c) ||
         number("l", problem.l) || number("b", problem.batch) || number("g", problem.groups) ||
         number("m", problem.momentum);
}

std::string size_text(const Problem& problem) {
  return "torch.Size([" + std::to_string(problem.batch) + ", " + std::to_string(problem.c) + ", " +
         std::to_string(problem.l) + "])";
}

bool is_training(Pass pass) { return pass == Pass::kForwardTraining || pass == Pass::kBackward; }

}  // namespace

std::int64_t Problem::longest_sum() const {
  const auto values = [this]() -> std::int64_t {
    switch (norm) {
      case Norm::kBatch:
        return values_per_channel();
      case Norm::kInstance:
        return l;
      case Norm::kGroup:
        return c / groups * l;
      default:
        return c * l;
    }
  };
  if (!backward()) return values();
  return std::max(values(), norm == Norm::kLayer || norm == Norm::kRms ? batch : batch * l);
}

std::string_view name(Norm norm) { return kNorms[static_cast<std::size_t>(norm)]; }
std::string_view name(Pass pass) { return kPasses[static_cast<std::size_t>(pass)]; }
std::string_view name(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)]; }
std::string_view name(Layout layout) { return kLayouts[static_cast<std::size_t>(layout)]; }

std::optional<Norm> parse_norm(std::string_view text) { return find<Norm>(kNorms, text); }
std::optional<Pass> parse_pass(std::string_view text) { return find<Pass>(kPasses, text); }
std::optional<DType> parse_dtype(std::string_view text) { return find<DType>(kDTypes, text); }
std::optional<Layout> parse_layout(std::string_view text) { return find<Layout>(kLayouts, text); }

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 8;
    case DType::kF32:
      return 4;
    case DType::kBf16:
    case DType::kF16:
      return 2;
  }
  return 0;
}

DType parameter_dtype(DType dtype) { return dtype == DType::kF64 ? DType::kF64 : DType::kF32; }

std::string id(const Problem& p) {
  std::string text;
  for (const std::string_view part : {name(p.norm), name(p.pass), name(p.dtype), name(p.layout)}) {
    text.append(part).append("/");
  }
  const auto add = [&text](std::string_view prefix, const std::string& value) {
    text.append(prefix).append(value);
  };
  add("n", std::to_string(p.n));
  add("_c", std::to_string(p.c));
  add("_l", std::to_string(p.l));
  if (p.batch != p.n) add("_b", std::to_string(p.batch));
  if (p.groups != 1) add("_g", std::to_string(p.groups));
  if (p.eps != kDefaultEps) add("_eps", shortest(p.eps));
  if (p.momentum != kDefaultMomentum) add("_m", shortest(p.momentum));
  if (!p.affine) text += "_plain";
  return text;
}

std::optional<Problem> parse_problem(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() != 5) return std::nullopt;
  const auto norm = parse_norm(parts[0]);
  const auto pass = parse_pass(parts[1]);
  const auto dtype = parse_dtype(parts[2]);
  const auto layout = parse_layout(parts[3]);
  if (!norm || !pass || !dtype || !layout) return std::nullopt;
  Problem problem{.norm = *norm, .pass = *pass, .dtype = *dtype, .layout = *layout, .batch = 0};
  for (const std::string_view part : split(parts[4], '_')) {
    if (!read_part(part, problem)) return std::nullopt;
  }
  if (problem.batch == 0) problem.batch = problem.n;
  // Only the canonical spelling is an id: this refuses parts out of order, twice, or at a default.
  // That there must be samples is said by invalid().
  if ((problem.batch <= 0 && problem.n != 0) || id(problem) != text) return std::nullopt;
  return problem;
}

std::optional<std::string> invalid(const Problem& p) {
  for (const auto& [value, letter] : {std::pair{p.n, "N"}, {p.c, "C"}, {p.l, "L"}}) {
    if (value <= 0) {
      return std::string(letter) + " must be at least 1, but got " + std::to_string(value);
    }
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 64;
  if (p.c > kMost / p.n || p.l > kMost / p.n / p.c) {
    return "N*C*L is too large to address: make N, C or L smaller";
  }
  if (p.batch <= 0) return "batch must be at least 1, but got " + std::to_string(p.batch);
  if (p.n % p.batch != 0) {
    return "batch must divide N: " + std::to_string(p.batch) + " does not divide " +
           std::to_string(p.n);
  }
  if (p.groups <= 0) {
    return "Expected num groups to be greater than 0, got " + std::to_string(p.groups);
  }
  if (p.norm != Norm::kGroup && p.groups != 1) return "groups belongs to norm = \"group\" only";
  if (p.c % p.groups != 0) {
    return "Expected number of channels in input to be divisible by num_groups, but got C = " +
           std::to_string(p.c) + " and groups = " + std::to_string(p.groups);
  }
  if (p.norm == Norm::kBatch && is_training(p.pass) && p.values_per_channel() == 1) {
    return "Expected more than 1 value per channel when training, got input size " + size_text(p) +
           ": make N, L or batch larger";
  }
  if (p.norm == Norm::kInstance && p.l == 1) {
    return "Expected more than 1 spatial element when training, got input size " + size_text(p) +
           ": make L larger";
  }
  // As torch.nn.functional.group_norm has it: over all samples, whatever one statistic is made of.
  if (p.norm == Norm::kGroup && p.batch * (p.c / p.groups) * p.l == 1) {
    return "Expected more than 1 value per channel when training, got input size " + size_text(p) +
           ": make N, L, batch or C / groups larger";
  }
  if (p.norm != Norm::kBatch && p.pass == Pass::kBackwardInference) {
    return "backward_inference exists for norm = \"batch\" only";
  }
  const bool too_small = p.eps < 0 || (is_training(p.pass) && p.eps == 0);
  if (p.norm == Norm::kBatch && (!std::isfinite(p.eps) || too_small)) {
    return "batch_norm eps must be positive during training and non-negative otherwise, but got " +
           shortest(p.eps);
  }
  if (!std::isfinite(p.eps)) return "eps must be finite, but got " + shortest(p.eps);
  if (!std::isfinite(p.momentum)) return "momentum must be finite, but got " + shortest(p.momentum);
  return std::nullopt;
}

std::int64_t compulsory_bytes(const Problem& problem) {
  const std::int64_t tensors = problem.backward() && problem.norm != Norm::kNone ? 3 : 2;
  return tensors * problem.elements() * static_cast<std::int64_t>(size_of(problem.dtype));
}

}  // namespace normbench
