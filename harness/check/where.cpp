#include "harness/check/where.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace normbench {
namespace {

struct Place {
  std::int64_t i, k, j, at;  // row, channel, position, and all as one number
};

struct Part {
  std::string words;
  std::function<bool(const Place&)> holds;
};

Place place_of(const Tensor& tensor, std::int64_t at) {
  const std::int64_t row = at / (tensor.c * tensor.l);
  const std::int64_t rest = at % (tensor.c * tensor.l);
  const bool ncl = tensor.layout == Layout::kNcl;
  return {row, ncl ? rest / tensor.l : rest % tensor.c, ncl ? rest % tensor.l : rest / tensor.c,
          at};
}

// First, last, behind the last whole vector, either half, around the middle: of one coordinate.
void add_parts(std::vector<Part>& parts, std::int64_t Place::*coordinate, std::int64_t count,
               std::string_view one, std::string_view many) {
  if (count < 2) return;
  const auto add = [&](std::string words, auto holds) {
    parts.push_back({std::move(words),
                     [coordinate, holds](const Place& place) { return holds(place.*coordinate); }});
  };
  add(fmt::format("in the first {}", one), [](std::int64_t at) { return at == 0; });
  add(fmt::format("in the last {}", one), [count](std::int64_t at) { return at == count - 1; });
  for (const std::int64_t width : {4, 8, 16, 32, 64}) {
    const std::int64_t whole = count / width * width;
    if (whole == count || whole == 0) continue;
    add(fmt::format("behind the last whole {} {}, from {} {} on", width, many, one, whole),
        [whole](std::int64_t at) { return at >= whole; });
  }
  const std::int64_t half = count / 2;
  if (count >= 16) {
    add(fmt::format("in the {} on both sides of the middle, where parts of two threads may meet",
                    many),
        [half](std::int64_t at) { return at == half || at == half - 1; });
  }
  if (count < 4) return;
  add(fmt::format("in the first half of the {}", many),
      [half](std::int64_t at) { return at < half; });
  add(fmt::format("in the second half of the {}", many),
      [half](std::int64_t at) { return at >= half; });
}

}  // namespace

std::string where(const Tensor& tensor, const std::vector<bool>& wrong, std::int64_t batch,
                  std::string_view row) {
  const auto total = std::count(wrong.begin(), wrong.end(), true);
  if (total == 0 || total == tensor.size()) return "";
  std::vector<Part> parts;
  add_parts(parts, &Place::k, tensor.c, "channel", "channels");
  add_parts(parts, &Place::j, tensor.l, "position", "positions");
  if (batch > 1 && batch < tensor.n) {
    parts.push_back({"in the first mini-batch", [=](const Place& p) { return p.i < batch; }});
    parts.push_back({"after the first mini-batch", [=](const Place& p) { return p.i >= batch; }});
    parts.push_back({"in the last sample of each mini-batch",
                     [=](const Place& p) { return p.i % batch == batch - 1; }});
    parts.push_back({"in the first sample of each mini-batch",
                     [=](const Place& p) { return p.i % batch == 0; }});
  }
  add_parts(parts, &Place::i, tensor.n, row, row == "sample" ? "samples" : "mini-batches");
  add_parts(parts, &Place::at, tensor.size(), "value", "values");
  const Part* best = nullptr;
  std::int64_t least = tensor.size();
  for (const Part& part : parts) {
    std::int64_t size = 0;
    bool holds_all = true;
    for (std::int64_t at = 0; at < tensor.size() && holds_all; ++at) {
      const bool inside = part.holds(place_of(tensor, at));
      size += inside ? 1 : 0;
      holds_all = inside || !wrong[static_cast<std::size_t>(at)];
    }
    if (!holds_all || 4 * total < 3 * size || size >= least) continue;
    least = size;
    best = &part;
  }
  return best != nullptr ? best->words : "";
}

}  // namespace normbench
