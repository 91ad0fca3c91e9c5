// Elements in the order of memory: which of them share a statistic or a parameter, and loops over
// them that compilers can vectorize. grouping.h says the same in terms of (i, k, j).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "harness/check/grouping.h"

namespace normbench {

// Groups of elements that share a number. Side by side there are `run` elements of one group, then
// those of the next; after `count` groups comes the first one again, until `row` elements are over.
// Each row has groups of its own.
struct Grouping {
  std::int64_t row = 1;
  std::int64_t run = 1;
  std::int64_t count = 1;

  std::int64_t index(std::int64_t element) const {
    return element / row * count + element / run % count;
  }
  // The number of an element among those of its group.
  std::int64_t member(std::int64_t element) const {
    return element % row / (run * count) * run + element % run;
  }
  // The element with this number in this group.
  std::int64_t element(std::int64_t group, std::int64_t number) const {
    return group / count * row + number / run * (run * count) + group % count * run + number % run;
  }
};

// What an element needs is found by these.
struct Sharing {
  explicit Sharing(const Problem& p);

  Grouping statistics;
  Grouping parameters;  // gamma and beta: the same for all samples
  Grouping gradients;   // dgamma and dbeta: parameters, with a row for each mini-batch
  Grouping channels;    // the same for all samples
};

// Where the numbers of some elements side by side are, from the first element on: one for all, one
// after the other, or as listed.
struct Same {
  std::int64_t at;
  std::int64_t operator()(std::int64_t) const { return at; }
};
struct Consecutive {
  std::int64_t at;
  std::int64_t operator()(std::int64_t offset) const { return at + offset; }
};
struct Listed {
  const std::int64_t* at;
  std::int64_t operator()(std::int64_t offset) const { return at[offset]; }
};

// At most so many elements are in one piece.
inline constexpr std::int64_t kMostInPiece = 512;
// Pieces shorter than this are joined to one with lists.
inline constexpr std::int64_t kLeastInPiece = 24;

// Writes the index of each of `count` elements from `first` on, which lie in one row.
void list_indices(const Grouping& grouping, std::int64_t first, std::int64_t count,
                  std::int64_t* list);

// Calls visit(first, count, a, b) for pieces that cover the elements from `first` to `last`:
// element first + t has the numbers a(t) and b(t) in the two groupings. No piece crosses a multiple
// of `unit`.
template <class Visit>
void for_each_piece(std::int64_t first, std::int64_t last, const Grouping& a, const Grouping& b,
                    std::int64_t unit, Visit visit) {
  // Up to where the group of `first` lasts, and up to where groups follow each other.
  const auto same = [](const Grouping& grouping, std::int64_t element) {
    return grouping.run - element % grouping.run;
  };
  const auto consecutive = [](const Grouping& grouping, std::int64_t element) {
    return grouping.run == 1 ? grouping.count - element % grouping.count : 0;
  };
  std::array<std::int64_t, kMostInPiece> list_a;
  std::array<std::int64_t, kMostInPiece> list_b;
  while (first < last) {
    const std::int64_t room = std::min({kMostInPiece, last - first, unit - first % unit});
    const std::int64_t enough = std::min(room, kLeastInPiece);
    const std::int64_t same_a = same(a, first);
    const std::int64_t same_b = same(b, first);
    const std::int64_t next_a = consecutive(a, first);
    const std::int64_t next_b = consecutive(b, first);
    std::int64_t count = room;
    if (std::min(same_a, same_b) >= enough) {
      count = std::min({room, same_a, same_b});
      visit(first, count, Same{a.index(first)}, Same{b.index(first)});
    } else if (std::min(same_a, next_b) >= enough) {
      count = std::min({room, same_a, next_b});
      visit(first, count, Same{a.index(first)}, Consecutive{b.index(first)});
    } else if (std::min(next_a, next_b) >= enough) {
      count = std::min({room, next_a, next_b});
      visit(first, count, Consecutive{a.index(first)}, Consecutive{b.index(first)});
    } else {
      count = std::min(room, kMostInPiece / 2);
      list_indices(a, first, count, list_a.data());
      list_indices(b, first, count, list_b.data());
      visit(first, count, Listed{list_a.data()}, Listed{list_b.data()});
    }
    first += count;
  }
}

// Elements from `first` on, up to `last`.
struct Range {
  std::int64_t first, last;
};

// So many elements, cut at multiples of `step` into at most `most` ranges that are worth a thread
// each. They do not depend on the number of threads, so sums over them do not either.
inline constexpr std::int64_t kMostRanges = 64;
inline constexpr std::int64_t kRangeStep = 64;  // cache lines of any type
std::vector<Range> ranges_of(std::int64_t elements, std::int64_t most = kMostRanges,
                             std::int64_t step = kRangeStep);

// Calls work(number, range), in parallel.
template <class Work>
void for_each_range(const std::vector<Range>& ranges, Work work) {
  const auto count = static_cast<std::int64_t>(ranges.size());
#pragma omp parallel for schedule(dynamic) if (count > 1)
  for (std::int64_t number = 0; number < count; ++number) {
    work(number, ranges[static_cast<std::size_t>(number)]);
  }
}

}  // namespace normbench
