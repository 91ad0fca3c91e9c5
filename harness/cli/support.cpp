// The table of who supports what: the text of impls/SUPPORT.md.
#include "harness/cli/support.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "harness/check/matrix.h"

namespace normbench {
namespace {

// Of one backend: one row for each norm and pass, one column for each dtype.
class Table {
 public:
  explicit Table(const Backend& backend) : backend_(backend) {}

  std::string text() {
    add("## {} {}\n\n|  |", backend_.name(), backend_.version());
    for (const DType dtype : kEveryDType) add(" {} |", name(dtype));
    add("\n|---|---|---|---|---|\n");
    for (const Norm norm : kEveryNorm) {
      for (const Pass pass : kEveryPass) {
        if (!problem_matrix(norm, pass, DType::kF32, Layout::kNcl).empty()) add_row(norm, pass);
      }
    }
    if (!reasons_.empty()) add("\n");
    for (std::size_t i = 0; i < reasons_.size(); ++i) {
      add("{}. {}\n", i + 1, reasons_[i]);
    }
    return std::move(text_);
  }

 private:
  template <class... T>
  void add(fmt::format_string<T...> format, T&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<T>(arguments)...);
  }

  void add_row(Norm norm, Pass pass) {
    add("| {} {} |", name(norm), name(pass));
    for (const DType dtype : kEveryDType) {
      const std::string ncl = cell(problem_matrix(norm, pass, dtype, Layout::kNcl));
      const std::string nlc = cell(problem_matrix(norm, pass, dtype, Layout::kNlc));
      add(" {} |", ncl == nlc ? ncl : fmt::format("{} / {}", ncl, nlc));
    }
    add("\n");
  }

  // "A", "B" or "A or B" where all is supported, else the numbers of the reasons, after the grades
  // of what is supported.
  std::string cell(const std::vector<Problem>& problems) {
    std::set<std::string> grades;
    std::set<std::size_t> numbers;
    for (const Problem& problem : problems) {
      const Support support = backend_.supports(problem);
      if (support.supported) {
        const Accuracy claim = backend_.accuracy(problem);
        const bool by_moments =
            problem.finds_variance() && claim.variance != VarianceForm::kDeviations;
        grades.insert(std::string(claim.grade == Grade::kA ? "A" : "B") +
                      (by_moments ? " by moments" : ""));
      } else {
        numbers.insert(number_of(support.reason));
      }
    }
    std::string text;
    for (const std::string& grade : grades) text.append(text.empty() ? "" : " or ").append(grade);
    std::string notes;
    for (const std::size_t number : numbers)
      notes += fmt::format("{}{}", notes.empty() ? "" : ", ", number);
    if (notes.empty()) return text;
    return text + (text.empty() ? "no (" : " (not all: ") + notes + ")";
  }

  std::size_t number_of(const std::string& reason) {
    const auto place = std::find(reasons_.begin(), reasons_.end(), reason);
    const auto index = static_cast<std::size_t>(place - reasons_.begin());
    if (place == reasons_.end()) reasons_.push_back(reason);
    return index + 1;
  }

  const Backend& backend_;
  std::string text_;
  std::vector<std::string> reasons_;
};

// "naive" of "## naive 2".
std::string_view name_in(std::string_view heading) {
  heading.remove_prefix(3);
  return heading.substr(0, heading.find_first_of(" \n"));
}

// Of the first heading from `at` on: where it begins.
std::size_t next_heading(std::string_view text, std::size_t at) {
  const std::size_t found = text.find("\n## ", at);
  return found == std::string_view::npos ? text.size() : found + 1;
}

}  // namespace

std::string support_section(const Backend& backend) { return Table(backend).text(); }

std::string with_support_section(const std::string& document, const std::string& section) {
  std::size_t begin = next_heading(document, 0);
  while (begin < document.size()) {
    const std::size_t end = next_heading(document, begin);
    const bool is_last = end == document.size();
    if (name_in(std::string_view(document).substr(begin)) == name_in(section)) {
      return document.substr(0, begin) + section + (is_last ? "" : "\n") + document.substr(end);
    }
    begin = end;
  }
  return document + "\n" + section;
}

std::string support_document(const std::vector<const Backend*>& backends) {
  std::string text =
      "# Who supports what\n\n"
      "Written by `normbench list --support`, and held against the code by a test. A and B are "
      "the\n"
      "grades of accuracy that a backend claims (centered, or folded into scale and shift);\n"
      "\"no\" comes with the number of the reason. Where the layouts differ, a cell says ncl / "
      "nlc.\n";
  for (const Backend* backend : backends) text += "\n" + support_section(*backend);
  return text;
}

}  // namespace normbench
