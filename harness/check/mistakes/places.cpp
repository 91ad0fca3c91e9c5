// Where values, statistics and parameters are, and which belong together.
#include <algorithm>
#include <bit>

#include "harness/check/grouping.h"
#include "harness/check/mistakes/list.h"

namespace normbench::mistakes {
namespace {

std::int64_t channel(const Problem&, Element e) { return e.k; }
std::int64_t sample(const Problem&, Element e) { return e.i; }
std::int64_t sample_and_channel(const Problem& p, Element e) { return e.i * p.c + e.k; }
std::int64_t sample_and_position(const Problem& p, Element e) { return e.i * p.l + e.j; }
std::int64_t everything(const Problem&, Element) { return 0; }
std::int64_t interleaved_group(const Problem& p, Element e) {
  return e.i * p.groups + e.k % p.groups;
}
std::int64_t group(const Problem& p, Element e) { return e.k / (p.c / p.groups); }
std::int64_t groups_for_group_size(const Problem& p, Element e) {
  return e.i * p.c + e.k / p.groups;
}

std::int64_t groups_of_a_power_of_two(const Problem& p, Element e) {
  const auto size =
      static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(p.c / p.groups)));
  return e.i * p.groups + std::min(e.k / size, p.groups - 1);
}

// Gamma and beta.
std::int64_t by_position(const Problem&, Element e) { return e.j; }
std::int64_t as_ncl(const Problem& p, Element e) { return e.k * p.l + e.j; }
std::int64_t as_nlc(const Problem& p, Element e) { return e.j * p.c + e.k; }
auto parameter_at_distance(std::int64_t distance) {
  return [distance](const Problem& p, Element e) {
    const std::int64_t count = affine_count(p);
    return (steps::parameter_of(p, e) + distance + count) % count;
  };
}

// The statistics of one mini-batch in another order.
std::int64_t transposed_statistic(const Problem& p, std::int64_t at) {
  const std::int64_t beside = statistics_side_by_side(p);
  return at % beside * rows_of_statistics(p) + at / beside;
}
auto statistic_at_distance(std::int64_t distance) {
  return [distance](const Problem& p, std::int64_t at) {
    const std::int64_t count = rows_of_statistics(p) * statistics_side_by_side(p);
    return (at + distance + count) % count;
  };
}

Problem in_the_other_layout(Problem p) {
  p.layout = p.layout == Layout::kNcl ? Layout::kNlc : Layout::kNcl;
  return p;
}

std::ptrdiff_t place_in_the_other_layout(const Problem& p, Element e) {
  return position(in_the_other_layout(p), e);
}

template <class Wrong>
Run statistic_of_y(Wrong wrong) {
  return with(&Steps::statistic_of_y, wrong);
}

auto of_neighbor(std::int64_t distance) {
  return [distance](const Problem& p, const Arguments& a, std::int64_t at, Statistic) {
    const std::int64_t count = rows_of_statistics(p) * statistics_side_by_side(p);
    const std::int64_t other = (at + distance + count) % count;
    if (p.uses_running_statistics()) {
      return Statistic{steps::load(a.running_mean, other), steps::load(a.running_var, other)};
    }
    return two_pass(p, steps::values_of(p, a.x, other));
  };
}

}  // namespace

void add_places(Mistakes& list) {
  const auto add = [&](Concerns concerns, std::string words, Run run) {
    list.push_back({concerns, {std::move(words), std::move(run)}});
  };
  add(normalizes, "the layout were the other one (ncl for nlc, nlc for ncl)",
      [](const Problem& p, const Arguments& a) { normalize(in_the_other_layout(p), a, {}); });
  add(all, "{} were written in the other layout (ncl for nlc, nlc for ncl)",
      with(&Steps::place, place_in_the_other_layout));
  struct Grouping {
    const char* words;
    std::int64_t (*at)(const Problem&, Element);
  };
  for (const auto& [words, at] : std::vector<Grouping>{
           {"there were a statistic for each channel, over all samples", channel},
           {"there were a statistic for each sample, over all channels", sample},
           {"there were a statistic for each sample and channel", sample_and_channel},
           {"there were a statistic for each sample and position", sample_and_position},
           {"there were one statistic over everything", everything}}) {
    add(normalizes, words, with(&Steps::statistic_at, at));
  }
  for (const auto& [words, at] : std::vector<Grouping>{
           {"groups were made of every channel in turn", interleaved_group},
           {"groups went over all samples", group},
           {"the number of groups were taken for the channels of one", groups_for_group_size},
           {"groups had as many channels as the next power of two", groups_of_a_power_of_two}}) {
    add(has_groups, words, with(&Steps::statistic_at, at));
  }
  add(has_groups, "gamma and beta were one for each group", with(&Steps::parameter_at, group));
  for (const auto& [words, at] :
       std::vector<Grouping>{{"gamma and beta were one for each channel", channel},
                             {"gamma and beta were one for each position", by_position},
                             {"gamma and beta were in the order of ncl", as_ncl},
                             {"gamma and beta were in the order of nlc", as_nlc}}) {
    add(normalizes, words, with(&Steps::parameter_at, at));
  }
  add(normalizes, "gamma and beta were those of the next element",
      with(&Steps::parameter_at, parameter_at_distance(1)));
  add(normalizes, "gamma and beta were those of the element before",
      with(&Steps::parameter_at, parameter_at_distance(-1)));
  add(normalizes, "saved statistics were transposed (samples and channels)",
      with(&Steps::saved_at, transposed_statistic));
  add(normalizes, "statistics were saved, or read, one place too far",
      with(&Steps::saved_at, statistic_at_distance(1)));
  add(normalizes, "statistics were saved, or read, one place too early",
      with(&Steps::saved_at, statistic_at_distance(-1)));
  add(forward, "y were made with the statistics of the next channel, or sample",
      statistic_of_y(of_neighbor(1)));
  add(forward, "y were made with the statistics of the channel, or sample, before",
      statistic_of_y(of_neighbor(-1)));
}

}  // namespace normbench::mistakes
