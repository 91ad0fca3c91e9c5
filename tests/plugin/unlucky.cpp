// A C++ backend that throws, in a call that depends on L; and one that cannot even be made.
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "harness/core/backend.h"

namespace {

using normbench::Accuracy;
using normbench::Arguments;
using normbench::Backend;
using normbench::Kernel;
using normbench::Problem;
using normbench::Support;

class UnluckyKernel : public Kernel {
 public:
  explicit UnluckyKernel(const Problem& problem) : l_(problem.l) {}

  void load() override {
    if (l_ == 3) throw std::runtime_error("nothing to load");
  }
  void run() override {
    if (l_ == 4) throw std::runtime_error("no way to run, at call " + std::to_string(++calls_));
    if (l_ == 5) throw 5;
  }
  void collect() override {
    if (l_ == 6) throw std::runtime_error("nothing to collect");
  }

 private:
  std::int64_t l_;
  int calls_ = 0;
};

class Unlucky : public Backend {
 public:
  std::string_view name() const override { return "unlucky"; }
  std::string version() const override { return "13"; }
  Support supports(const Problem& problem) const override {
    if (problem.l == 1) throw std::runtime_error("no answer");
    return Support::yes();
  }
  Accuracy accuracy(const Problem& problem) const override {
    if (problem.l == 8) return Accuracy::welford(9).folded().by_moments().variance_from_rstd();
    throw std::runtime_error("no claim");
  }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments&, int) const override {
    if (problem.l == 2) throw std::runtime_error("not prepared");
    if (problem.l == 7) return nullptr;
    return std::make_unique<UnluckyKernel>(problem);
  }
};

}  // namespace

std::unique_ptr<Backend> make_unlucky() { return std::make_unique<Unlucky>(); }

std::unique_ptr<Backend> make_no_backend() { throw std::runtime_error("the library is too old"); }
