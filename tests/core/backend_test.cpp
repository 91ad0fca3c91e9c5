// Reasons that several backends share, and what a backend has unless it says otherwise.
#include "harness/core/backend.h"

#include <gtest/gtest.h>

#include "tests/faulty/honest.h"
#include "tests/faulty/problems.h"

namespace normbench {
namespace {

using faulty::batch_norm;

TEST(BatchNormF32Ncl, IsSupportedInThreePasses) {
  for (const Pass pass : {Pass::kForwardTraining, Pass::kForwardInference, Pass::kBackward}) {
    const Support support = batch_norm_f32_ncl(batch_norm(pass, 4, 3, 2));
    EXPECT_TRUE(support.supported) << name(pass);
    EXPECT_EQ(support.reason, "");
  }
}

TEST(BatchNormF32Ncl, NamesWhatIsNotImplemented) {
  const auto reason = [](auto change) {
    Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 2);
    change(problem);
    const Support support = batch_norm_f32_ncl(problem);
    EXPECT_FALSE(support.supported);
    return support.reason;
  };
  EXPECT_EQ(reason([](Problem& p) { p.norm = Norm::kLayer; }), "norm layer is not implemented");
  EXPECT_EQ(reason([](Problem& p) { p.pass = Pass::kBackwardInference; }),
            "pass backward_inference is not implemented");
  EXPECT_EQ(reason([](Problem& p) { p.dtype = DType::kF16; }), "dtype f16 is not implemented");
  EXPECT_EQ(reason([](Problem& p) { p.layout = Layout::kNlc; }), "layout nlc is not implemented");
}

TEST(BatchNormF32Ncl, TakesEitherLayoutOfOnePosition) {
  Problem problem = batch_norm(Pass::kForwardTraining, 4, 3, 1);
  problem.layout = Layout::kNlc;
  EXPECT_TRUE(batch_norm_f32_ncl(problem).supported);
}

// What an interface offers when a backend implements no more than it must.
class Minimal : public Backend {
 public:
  std::string_view name() const override { return "minimal"; }
  std::string version() const override { return "1"; }
  Support supports(const Problem&) const override { return Support::no("of no use"); }
  std::unique_ptr<Kernel> prepare(const Problem&, const Arguments&, int) const override {
    class Idle : public Kernel {
      void run() override {}
    };
    return std::make_unique<Idle>();
  }
};

TEST(Backend, ClaimsTheSharpestAccuracyUnlessItSaysOtherwise) {
  const Minimal backend;
  EXPECT_EQ(backend.accuracy({}).grade, Grade::kA);
  EXPECT_EQ(backend.accuracy({}).roundings, 0);
  EXPECT_FALSE(backend.native_layout());
  EXPECT_EQ(backend.prepare({}, {}, 1)->detail(), "");
}

}  // namespace
}  // namespace normbench
