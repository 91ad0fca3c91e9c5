// JSON to and fro.
#include "harness/worker/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "harness/bench/problem_json.h"
#include "harness/check/workspace.h"

namespace normbench {
namespace {

using nlohmann::json;

std::string_view name(Role role) {
  return role == Role::kInput ? "input" : role == Role::kOutput ? "output" : "updated";
}

// Of n, c and l, in elements.
std::array<std::int64_t, 3> strides_of(const Tensor& tensor) {
  if (tensor.layout == Layout::kNcl) return {tensor.c * tensor.l, tensor.l, 1};
  return {tensor.c * tensor.l, 1, tensor.c};
}

}  // namespace

std::string printable(const std::string& text) {
  const std::string quoted = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string shown;
  for (std::size_t at = 1; at + 1 < quoted.size(); ++at) {
    if (quoted[at] == '\\' && (quoted[at + 1] == '"' || quoted[at + 1] == '\\')) ++at;
    shown += quoted[at];
  }
  return shown;
}

json problem_json(const Problem& p) {
  json message = problem_fields(p);
  message["id"] = id(p);
  return message;
}

Problem problem_of(const json& message) {
  const std::string text = message.at("problem").at("id").get<std::string>();
  const auto problem = parse_problem(text);
  if (!problem) throw std::runtime_error(fmt::format("'{}' is no problem", text));
  return *problem;
}

json buffers_json(const Problem& problem, const Arguments& arguments, const std::byte* memory) {
  json list = json::array();
  for (const BufferSpec& spec : buffer_specs(problem)) {
    if (spec.role == Role::kUnused) continue;
    const Tensor& tensor = arguments.*spec.member;
    list.push_back({{"name", spec.name},
                    {"role", name(spec.role)},
                    {"dtype", name(tensor.dtype)},
                    {"shape", {tensor.n, tensor.c, tensor.l}},
                    {"strides", strides_of(tensor)},
                    {"offset", static_cast<const std::byte*>(tensor.data) - memory}});
  }
  return list;
}

Arguments arguments_of(const Problem& problem, const json& buffers, std::byte* memory,
                       std::size_t bytes) {
  Arguments arguments;
  const auto specs = buffer_specs(problem);
  for (const json& buffer : buffers) {
    const std::string wanted = buffer.at("name").get<std::string>();
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const BufferSpec& each) { return each.name == wanted; });
    if (spec == specs.end() || spec->role == Role::kUnused) {
      throw std::runtime_error(fmt::format("{} has no buffer '{}'", id(problem), wanted));
    }
    const auto dtype = parse_dtype(buffer.at("dtype").get<std::string>());
    if (!dtype) throw std::runtime_error(fmt::format("buffer {} is of no known type", wanted));
    const json& shape = buffer.at("shape");
    Tensor& tensor = arguments.*(spec->member);
    tensor = {.n = shape.at(0),
              .c = shape.at(1),
              .l = shape.at(2),
              .dtype = *dtype,
              .layout = problem.layout};
    const auto offset = buffer.at("offset").get<std::size_t>();
    if (offset > bytes || tensor.bytes() > bytes - offset) {
      throw std::runtime_error(fmt::format("buffer {} is not in the memory", wanted));
    }
    tensor.data = memory + offset;
  }
  return arguments;
}

}  // namespace normbench
