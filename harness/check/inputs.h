// What the backends are given to work on.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

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
enum class InputKind { kExact, kRandom, kIllConditioned, kConstant };

inline constexpr std::array<InputKind, 4> kInputKinds = {
    InputKind::kExact, InputKind::kRandom, InputKind::kIllConditioned, InputKind::kConstant};

std::string_view name(InputKind kind);

// Fills all inputs and the running statistics of the workspace, and poisons its outputs. For a
// backward pass the saved statistics are those of the filled x, rounded to their dtype. The same
// seed gives the same bytes.
void fill(Workspace& workspace, InputKind kind, std::uint64_t seed);

}  // namespace normbench
