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
                       placement_faults, damage_faults, life_cycle_faults, clock_faults,
                       process_faults, claim_faults, layer_faults, instance_faults, group_faults,
                       rms_faults, none_faults, sixteen_bit_faults, double_faults}) {
      std::vector<Faulty> part = topic();
      list.insert(list.end(), std::make_move_iterator(part.begin()),
                  std::make_move_iterator(part.end()));
    }
    return list;
  }();
  return all;
}

Behavior with_gamma_outside_of_the_means() {
  Behavior behavior = replaced(&Steps::g, [](double dy, double) { return dy; });
  behavior.steps.dx = [](const Problem& p, const InputGradient& t) {
    return t.gamma * dx_of(p, t);
  };
  return behavior;
}

void in_the_other_layout(const Work& work) {
  Problem other = work.problem;
  other.layout = other.layout == Layout::kNcl ? Layout::kNlc : Layout::kNcl;
  normalize(other, work.arguments, work.steps);
}

double truncated(double value, int digits) {
  const std::uint64_t kept = ~std::uint64_t{0} << static_cast<unsigned>(53 - digits);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & kept);
}

}  // namespace normbench::faulty
