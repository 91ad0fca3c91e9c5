// The list of all faulty backends.
#include "tests/faulty/faulty.h"

#include <bit>
#include <cstdint>
#include <iterator>
#include <ostream>
#include <utility>

namespace normbench::faulty {

std::ostream& operator<<(std::ostream& out, const Faulty& faulty) { return out << faulty.name; }

const std::vector<Faulty>& faulty_backends() {
  static const std::vector<Faulty> all = [] {
    std::vector<Faulty> list;
    for (auto topic : {statistics_faults, running_statistics_faults, gradient_faults,
                       placement_faults, damage_faults, life_cycle_faults}) {
      std::vector<Faulty> part = topic();
      list.insert(list.end(), std::make_move_iterator(part.begin()),
                  std::make_move_iterator(part.end()));
    }
    return list;
  }();
  return all;
}

float truncated(float value, int digits) {
  const std::uint32_t kept = ~0U << static_cast<unsigned>(24 - digits);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & kept);
}

}  // namespace normbench::faulty
