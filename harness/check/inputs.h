// What the backends are given to work on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "harness/check/oracle.h"
#include "harness/check/workspace.h"

namespace normbench {

// exact: pairs around the mean with few bits, so that mean and variance come out exact in any order
// of summation. Finds faults of indexing, layout and threading with bounds of zero.
//
// random: bell-shaped, with another mean for every statistic and another deviation in every
// channel.
//
// ill_conditioned: the same with a mean that is many times the deviation, a thousand times for f32.
// Finds bad algorithms.
//
// constant: one value per statistic, variance zero. Finds statistics that do not cancel.
//
// The others are for who asks for them by name. large: random, and so large that a float
// holds the square of a value, but not the sum of many. tiny: so small that eps hides the
// variance. denormal: below the smallest normal number of the type, which processors and libraries
// may be slow with. spiky: random, and one value of 64 is hundreds of times larger. zero: x and dy
// are.
enum class InputKind {
  kExact,
  kRandom,
  kIllConditioned,
  kConstant,
  kLarge,
  kTiny,
  kDenormal,
  kSpiky,
  kZero
};

// In the order of their values.
inline constexpr std::array kEveryInputKind = {
    InputKind::kExact,    InputKind::kRandom, InputKind::kIllConditioned,
    InputKind::kConstant, InputKind::kLarge,  InputKind::kTiny,
    InputKind::kDenormal, InputKind::kSpiky,  InputKind::kZero};

// Those that every backend is checked on.
inline constexpr std::array kInputKinds = {InputKind::kExact, InputKind::kRandom,
                                           InputKind::kIllConditioned, InputKind::kConstant};

std::string_view name(InputKind kind);

// The kind that `text` names, or nothing.
std::optional<InputKind> parse_input_kind(std::string_view text);

// Whether values are drawn around a mean of their own, so that roundings are up and down by chance.
bool is_drawn(InputKind kind);

// What the roundings of a claim are on such input.
inline Rounding rounding_on(InputKind kind) {
  return is_drawn(kind) ? Rounding::kByChance : Rounding::kWorst;
}

// How large numbers are: deviations, means and gradients are about so large, but for kinds whose
// mean is their point.
double scale_of(InputKind kind, DType dtype);

// Fills all inputs and the running statistics of the workspace, and poisons its outputs. For a
// backward pass the saved statistics are those of the filled x, rounded to their dtype. The same
// seed gives the same bytes.
void fill(Workspace& workspace, InputKind kind, std::uint64_t seed);

}  // namespace normbench
