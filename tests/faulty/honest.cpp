#include "tests/faulty/honest.h"

#include <utility>

namespace normbench::faulty {
namespace {

class BehavingKernel : public Kernel {
 public:
  BehavingKernel(const Problem& problem, const Arguments& arguments, Behavior behavior)
      : problem_(problem), arguments_(arguments), behavior_(std::move(behavior)) {
    behavior_.prepare(work());
  }
  void load() override { behavior_.load(work()); }
  void run() override {
    ++call_;
    behavior_.run(work());
  }
  void collect() override { behavior_.collect(work()); }
  std::string detail() const override {
    behavior_.when_asked_for_detail();
    return "";
  }

 private:
  Work work() { return {problem_, arguments_, behavior_.steps, call_, memory_}; }

  Problem problem_;
  Arguments arguments_;
  Behavior behavior_;
  int call_ = 0;
  std::vector<float> memory_;
};

class BehavingBackend : public Backend {
 public:
  BehavingBackend(std::string_view name, Behavior behavior)
      : name_(name), behavior_(std::move(behavior)) {}

  std::string_view name() const override { return name_; }
  std::string version() const override { return "1"; }
  Support supports(const Problem&) const override {
    behavior_.when_asked_for_support();
    return behavior_.declines.empty() ? Support::yes() : Support::no(behavior_.declines);
  }
  Accuracy accuracy(const Problem&) const override {
    behavior_.when_asked_for_accuracy();
    return behavior_.claim;
  }
  bool repeatable(const Problem&) const override { return behavior_.repeatable; }
  bool native_layout() const override { return behavior_.native_layout; }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int) const override {
    if (!behavior_.prepares_a_kernel) return nullptr;
    return std::make_unique<BehavingKernel>(problem, arguments, behavior_);
  }

 private:
  std::string name_;
  Behavior behavior_;
};

}  // namespace

std::unique_ptr<Backend> make_backend(std::string_view name, const Behavior& behavior) {
  return std::make_unique<BehavingBackend>(name, behavior);
}

}  // namespace normbench::faulty
