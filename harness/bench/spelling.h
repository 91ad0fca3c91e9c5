// Which word was meant.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace normbench {

// The one of `known` that is nearest to `typed`, if it is near: one slip for every three letters,
// where two neighbors that are swapped are one slip and upper case is none.
std::optional<std::string_view> nearest(std::string_view typed,
                                        std::span<const std::string_view> known);

}  // namespace normbench
