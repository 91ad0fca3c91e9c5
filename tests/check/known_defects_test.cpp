// The list of known defects: which versions and problems it means, and that what it says of a
// library is what makes its results wrong.
#include "harness/check/known_defects.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/check/matrix.h"
#include "tests/faulty/faulty.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::Element;
using faulty::load;
using faulty::position;
using faulty::small;

constexpr std::uint64_t kSeed = 1;
const Problem kGroupBackward = small(Norm::kGroup, Pass::kBackward);

bool is_listed(std::string_view backend, std::string_view version, const Problem& problem) {
  return known_defect(backend, version, problem) != nullptr;
}

TEST(KnownDefects, AreOfVersions) {
  for (const std::string_view version : {"3.3", "3.3.0", "3.7.2", "3.9.2", "3.9.2+ds"}) {
    EXPECT_TRUE(is_listed("onednn", version, kGroupBackward)) << version;
  }
  for (const std::string_view version :
       {"2.6.3", "3.2.9", "3.10.0", "3.14.0", "4.4.4", "", "unknown", "-3.7", ".3.7"}) {
    EXPECT_FALSE(is_listed("onednn", version, kGroupBackward)) << version;
  }
}

TEST(KnownDefects, AreOfOneBackendAndOfSomeProblems) {
  EXPECT_FALSE(is_listed("aten", "3.7.2", kGroupBackward));
  EXPECT_FALSE(is_listed("onednn-blocked", "3.7.2", kGroupBackward));
  EXPECT_FALSE(is_listed("onednn", "3.7.2", small(Norm::kGroup, Pass::kForwardTraining)));
  EXPECT_FALSE(is_listed("onednn", "3.7.2", small(Norm::kLayer, Pass::kBackward)));
}

TEST(KnownDefects, ExplainOnlyTheirOutput) {
  const KnownDefect& defect = *known_defect("onednn", "3.7.2", kGroupBackward);
  EXPECT_TRUE(defect.explains({.outcome = Outcome::kFailed, .output = "dx"}));
  EXPECT_FALSE(defect.explains({.outcome = Outcome::kFailed, .output = "dgamma"}));
  EXPECT_FALSE(defect.explains({.outcome = Outcome::kFailed, .reason = "wrote behind dx"}));
  EXPECT_FALSE(defect.explains({.outcome = Outcome::kPassed, .output = "dx"}));
}

TEST(KnownDefects, AreDescribedWithTheirSource) {
  const std::string text = describe(*known_defect("onednn", "3.7.2", kGroupBackward));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "onednn 3.3 to before 3.10: dx of group", text);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "uxlfoundation/oneDNN#3543", text);
}

// dx as ref_group_normalization.cpp of oneDNN 3.3 to 3.9 makes it.
void make_dx_as_onednn(const faulty::Work& work) {
  const Problem& p = work.problem;
  const std::int64_t groups = p.norm == Norm::kInstance ? p.c : p.groups;
  const auto count = static_cast<double>(p.c / groups * p.l);
  for (std::int64_t index = 0; index < p.mini_batches(); ++index) {
    const Arguments a = mini_batch(p, work.arguments, index);
    const auto xh = [&](Element element) {
      const std::int64_t at = faulty::statistic_of(p, element);
      return (load(a.x, position(p, element)) - load(a.mean, at)) * load(a.rstd, at);
    };
    std::vector<faulty::Sums> sums(static_cast<std::size_t>(p.c));
    faulty::for_each_element(p, [&](Element element) {
      const double dy = load(a.dy, position(p, element));
      sums[static_cast<std::size_t>(element.k)].g += dy;
      sums[static_cast<std::size_t>(element.k)].g_xh += dy * xh(element);
    });
    faulty::for_each_element(p, [&](Element element) {
      const auto& [g, g_xh] = sums[static_cast<std::size_t>(element.k)];
      const double gamma = a.gamma.present() ? load(a.gamma, element.k) : 1;
      const double rstd = load(a.rstd, faulty::statistic_of(p, element));
      const double dy = load(a.dy, position(p, element));
      faulty::store(a.dx, position(p, element),
                    gamma * rstd * (dy - g / count - xh(element) * g_xh / count));
    });
  }
}

// Wrong on every problem of the list, and on no other.
TEST(KnownDefects, OfOneDnnAreWhereItsFormulaIsWrong) {
  const auto backend = faulty::make_backend("onednn", faulty::followed_by(make_dx_as_onednn));
  int listed = 0;
  int others = 0;
  for (const Norm norm : {Norm::kGroup, Norm::kInstance}) {
    for (const Layout layout : kEveryLayout) {
      for (const Problem& problem : problem_matrix(norm, Pass::kBackward, DType::kF32, layout)) {
        Workspace workspace(problem, kSeed);
        const Verdict verdict = check(*backend, workspace, 1, kSeed);
        const KnownDefect* defect = known_defect("onednn", "3.7.2", problem);
        ++(defect != nullptr ? listed : others);
        const bool as_listed = defect != nullptr ? defect->explains(verdict) : verdict.passed();
        EXPECT_TRUE(as_listed) << id(problem) << ": " << verdict.reason;
      }
    }
  }
  EXPECT_GT(listed, 0);
  EXPECT_GT(others, 0);
}

}  // namespace
}  // namespace normbench
