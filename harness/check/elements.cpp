// The groupings of every norm in memory.
#include "harness/check/elements.h"

namespace normbench {

Sharing::Sharing(const Problem& p) {
  const std::int64_t sample = p.c * p.l;
  const std::int64_t mini_batch = p.batch * sample;
  const std::int64_t beside = statistics_side_by_side(p);
  const std::int64_t length = p.layout == Layout::kNcl ? p.l : 1;  // of a channel, side by side
  // An empty problem has elements of no group at all, but still divides by these.
  const auto grouping = [](std::int64_t row, std::int64_t run, std::int64_t count) {
    row = std::max<std::int64_t>(1, row);
    count = std::max<std::int64_t>(1, count);
    return Grouping{row, count == 1 ? row : std::max<std::int64_t>(1, run), count};
  };
  channels = grouping(p.elements(), length, p.c);
  parameters = affine_per_element(p) ? grouping(p.elements(), 1, sample) : channels;
  gradients =
      affine_per_element(p) ? grouping(mini_batch, 1, sample) : grouping(mini_batch, length, p.c);
  statistics = grouping(across_samples(p) ? mini_batch : sample, p.c / beside * length, beside);
}

void list_indices(const Grouping& grouping, std::int64_t first, std::int64_t count,
                  std::int64_t* list) {
  std::int64_t in_row = first % grouping.row;
  std::int64_t in_run = first % grouping.run;
  std::int64_t group = first / grouping.run % grouping.count;
  std::int64_t base = first / grouping.row * grouping.count;
  for (std::int64_t at = 0; at < count; ++at) {
    list[at] = base + group;
    ++in_row;
    if (++in_run < grouping.run) continue;
    in_run = 0;
    if (++group < grouping.count) continue;
    group = 0;
    if (in_row < grouping.row) continue;
    in_row = 0;
    base += grouping.count;
  }
}

std::vector<Range> ranges_of(std::int64_t elements, std::int64_t most, std::int64_t step) {
  constexpr std::int64_t kLeast = 16384;
  const auto parts =
      std::clamp<std::int64_t>(elements / kLeast, 1, std::max<std::int64_t>(1, most));
  const std::int64_t size = ((elements + parts - 1) / parts + step - 1) / step * step;
  std::vector<Range> ranges;
  for (std::int64_t first = 0; first < elements; first += size) {
    ranges.push_back({first, std::min(elements, first + size)});
  }
  return ranges;
}

}  // namespace normbench
