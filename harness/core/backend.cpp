// What backends have in common.
#include "harness/core/backend.h"

#include <stdexcept>
#include <utility>

namespace normbench {

Support Support::if_valid(const Problem& problem) {
  if (problem.elements() == 0) return yes();
  const auto why = invalid(problem);
  return why ? no(*why) : yes();
}

void add_backend(std::vector<std::unique_ptr<Backend>>& list, std::string_view name,
                 std::unique_ptr<Backend> backend) {
  const std::string own(backend->name());
  for (const auto& other : list) {
    if (other->name() == own) throw std::logic_error("two backends are named " + own);
  }
  if (own != name) {
    throw std::logic_error("the backend " + std::string(name) +
                           " of impls/CMakeLists.txt calls itself '" + own +
                           "': let name() return " + std::string(name));
  }
  list.push_back(std::move(backend));
}

}  // namespace normbench
