// Places by statistic, and what stands there instead.
#include "harness/check/changes.h"

#include <algorithm>
#include <cstring>

#include "harness/check/elements.h"
#include "harness/check/random.h"

namespace normbench {
namespace {

constexpr std::int64_t kMostPlaces = 4096;

// Calls visit(number of the place, element).
template <class Visit>
void at_places(const Tensor& tensor, const std::vector<std::int64_t>& places, Visit visit) {
  if (!tensor.present()) return;
  with_storage(tensor.dtype, [&]<class T>(T) {
    const auto all = tensor.as<T>();
    for (std::size_t number = 0; number < places.size(); ++number) {
      visit(number, all[static_cast<std::size_t>(places[number])]);
    }
  });
}

}  // namespace

// What is saved of x for the backward pass of training belongs to all of x.
Changes::Changes(const Problem& problem, InputKind kind, std::uint64_t seed)
    : changes_x_(problem.pass != Pass::kBackward),
      // Where all are zero, what becomes of one is small.
      scale_(kind == InputKind::kZero ? 0x1p-6 : scale_of(kind, problem.dtype)) {
  const Grouping groups = Sharing(problem).statistics;
  const std::int64_t values = values_per_statistic(problem);
  const std::int64_t statistics = statistic_count(problem);
  const std::int64_t step = (statistics + kMostPlaces - 1) / kMostPlaces;
  if (values < 2) return;
  for (std::int64_t at = 0; at < statistics; at += step) {
    const auto index = static_cast<std::uint64_t>(at);
    const auto others = static_cast<std::uint64_t>(values - 1);
    const auto member = static_cast<std::int64_t>(1 + random_bits(seed, 2 * index) % others);
    places_.push_back(groups.element(at, member));
  }
}

void Changes::make(Workspace& workspace) {
  const Arguments& a = workspace.arguments();
  // To the other side of zero, as far as random input goes: no backend takes another way for it.
  const auto change = [this](const Tensor& tensor, double distance, std::vector<double>& before) {
    before.resize(places_.size());
    at_places(tensor, places_, [&](std::size_t number, auto& element) {
      before[number] = static_cast<double>(element);
      const double other =
          before[number] < 0 ? before[number] + distance : before[number] - distance;
      element = static_cast<std::remove_reference_t<decltype(element)>>(other);
    });
  };
  if (changes_x_) change(a.x, 3 * scale_, x_before_);
  change(a.dy, scale_, dy_before_);
}

void Changes::take_back(Workspace& workspace) const {
  const Arguments& a = workspace.arguments();
  const auto restore = [this](const Tensor& tensor, const std::vector<double>& before) {
    if (before.empty()) return;
    at_places(tensor, places_, [&](std::size_t number, auto& element) {
      element = static_cast<std::remove_reference_t<decltype(element)>>(before[number]);
    });
  };
  restore(a.x, x_before_);
  restore(a.dy, dy_before_);
}

void Changes::spoil_outputs(Workspace& workspace) const {
  const Arguments& a = workspace.arguments();
  workspace.poison_small_outputs(Poison::kNumber);
  for (const Tensor* tensor : {&a.y, &a.dx}) {
    if (!tensor->present() || tensor->size() == 0) continue;
    const std::size_t size = size_of(tensor->dtype);
    auto* bytes = static_cast<std::byte*>(tensor->data);
    std::memset(bytes, static_cast<int>(Poison::kNumber), size);
    for (const std::int64_t place : places_) {
      std::memset(bytes + static_cast<std::size_t>(place) * size, static_cast<int>(Poison::kNumber),
                  size);
    }
  }
}

std::vector<std::span<std::byte>> Changes::bytes(const Workspace& workspace) const {
  std::vector<std::span<std::byte>> all;
  for (const BufferSpec& spec : buffer_specs(workspace.problem())) {
    if (spec.role == Role::kUnused) continue;
    const Tensor& tensor = workspace.arguments().*spec.member;
    auto* const begin = static_cast<std::byte*>(tensor.data);
    const std::size_t size = size_of(tensor.dtype);
    const bool is_output = spec.member == &Arguments::y || spec.member == &Arguments::dx;
    const bool is_input = spec.member == &Arguments::x || spec.member == &Arguments::dy;
    if (!is_output && !is_input) {
      if (spec.role != Role::kInput) all.emplace_back(begin, tensor.bytes());
      continue;
    }
    if (is_output && tensor.size() > 0) all.emplace_back(begin, size);
    for (const std::int64_t place : places_) {
      all.emplace_back(begin + static_cast<std::size_t>(place) * size, size);
    }
  }
  return all;
}

}  // namespace normbench
