// The table of who supports what: the text of impls/SUPPORT.md.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "harness/check/matrix.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

// Of one backend: one row for each norm and pass, one column for each dtype.
class Table {
 public:
  explicit Table(const Backend& backend) : backend_(backend) {}

  void print() {
    out("\n## {} {}\n\n|  |", backend_.name(), backend_.version());
    for (const DType dtype : kEveryDType) out(" {} |", name(dtype));
    out("\n|---|---|---|---|---|\n");
    for (const Norm norm : kEveryNorm) {
      for (const Pass pass : kEveryPass) {
        if (!problem_matrix(norm, pass, DType::kF32, Layout::kNcl).empty()) print(norm, pass);
      }
    }
    if (!reasons_.empty()) out("\n");
    for (std::size_t i = 0; i < reasons_.size(); ++i) {
      out("{}. {}\n", i + 1, reasons_[i]);
    }
  }

 private:
  void print(Norm norm, Pass pass) {
    out("| {} {} |", name(norm), name(pass));
    for (const DType dtype : kEveryDType) {
      const std::string ncl = cell(problem_matrix(norm, pass, dtype, Layout::kNcl));
      const std::string nlc = cell(problem_matrix(norm, pass, dtype, Layout::kNlc));
      out(" {} |", ncl == nlc ? ncl : fmt::format("{} / {}", ncl, nlc));
    }
    out("\n");
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
  std::vector<std::string> reasons_;
};

}  // namespace

void print_support(const std::vector<const Backend*>& chosen) {
  out("# Who supports what\n\n"
      "Written by `normbench list --support`, and held against the code by a test. A and B are "
      "the\n"
      "grades of accuracy that a backend claims (centered, or folded into scale and shift);\n"
      "\"no\" comes with the number of the reason. Where the layouts differ, a cell says ncl / "
      "nlc.\n");
  for (const Backend* backend : chosen) Table(*backend).print();
}

}  // namespace normbench
