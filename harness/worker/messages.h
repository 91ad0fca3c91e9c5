// Problems and buffers as they stand in messages.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "harness/core/arguments.h"

namespace normbench {

// A text of unknown origin as it may be shown: with escapes for control characters, and a mark for
// bytes that are no UTF-8.
std::string printable(const std::string& text);

nlohmann::json problem_json(const Problem& problem);
// The problem that a message names; throws std::runtime_error.
Problem problem_of(const nlohmann::json& message);

// All buffers of the problem, which begin at `memory`.
nlohmann::json buffers_json(const Problem& problem, const Arguments& arguments,
                            const std::byte* memory);
// The other way round, where the memory is mapped. Throws std::runtime_error when a buffer is not
// one of the problem, or not inside of the memory.
Arguments arguments_of(const Problem& problem, const nlohmann::json& buffers, std::byte* memory,
                       std::size_t bytes);

}  // namespace normbench
