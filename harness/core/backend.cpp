// What backends have in common.
#include "harness/core/backend.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace normbench {
namespace {

// ceil(log2 n): how often n values are halved until they are single.
std::int64_t halvings(std::int64_t n) {
  return n > 1 ? static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(n - 1))) : 0;
}

Accuracy with_roundings(std::int64_t roundings) {
  return {.roundings = static_cast<double>(roundings)};
}

}  // namespace

std::string_view name(VarianceForm form) {
  constexpr std::array<std::string_view, kEveryVarianceForm.size()> kNames = {
      "deviations", "shifted_moments", "moments"};
  return kNames[static_cast<std::size_t>(form)];
}

std::optional<VarianceForm> parse_variance_form(std::string_view text) {
  for (const VarianceForm form : kEveryVarianceForm) {
    if (name(form) == text) return form;
  }
  return {};
}

bool BackendOption::takes(std::string_view value) const {
  if (std::find(values.begin(), values.end(), value) != values.end()) return true;
  std::int64_t parsed = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  const bool is_number = error == std::errc() && end == value.data() + value.size();
  // In one spelling, since it is part of a name.
  return !number.empty() && is_number && parsed > 0 && value.front() != '0';
}

std::vector<std::string> BackendOption::choices() const {
  std::vector<std::string> all = values;
  if (!number.empty()) all.push_back(number);
  return all;
}

Accuracy Accuracy::sequential(std::int64_t n) {
  return with_roundings(std::max<std::int64_t>(n - 1, 0));
}

Accuracy Accuracy::pairwise(std::int64_t n) { return with_roundings(halvings(n)); }

Accuracy Accuracy::lanes(std::int64_t n, std::int64_t w) {
  const std::int64_t in_each = (n + w - 1) / w;
  return with_roundings(std::max<std::int64_t>(in_each - 1, 0) + halvings(std::min(n, w)));
}

Accuracy Accuracy::welford(std::int64_t n) { return sequential(n).rounded_sums(); }

Accuracy Accuracy::folded() const {
  Accuracy other = *this;
  other.grade = Grade::kB;
  return other;
}

Accuracy Accuracy::rounded_sums() const {
  Accuracy other = *this;
  other.exact_sums = false;
  return other;
}

Accuracy Accuracy::by_moments() const {
  Accuracy other = *this;
  other.variance = VarianceForm::kMoments;
  return other;
}

Accuracy Accuracy::by_shifted_moments() const {
  Accuracy other = *this;
  other.variance = VarianceForm::kShiftedMoments;
  return other;
}

Accuracy Accuracy::variance_from_rstd() const {
  Accuracy other = *this;
  other.from_rstd = true;
  return other;
}

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
