// Everything but the name is that of the backend itself.
#include "harness/bench/in_process.h"

#include <string>

namespace normbench {
namespace {

class InProcess : public Backend {
 public:
  explicit InProcess(const Backend& backend)
      : backend_(backend), name_(std::string(backend.name()) + "[worker=off]") {}

  std::string_view name() const override { return name_; }
  std::string version() const override { return backend_.version(); }
  Support supports(const Problem& problem) const override { return backend_.supports(problem); }
  Accuracy accuracy(const Problem& problem) const override { return backend_.accuracy(problem); }
  bool repeatable(const Problem& problem) const override { return backend_.repeatable(problem); }
  bool native_layout() const override { return backend_.native_layout(); }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    return backend_.prepare(problem, arguments, threads);
  }

 private:
  const Backend& backend_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Backend> in_process(const Backend& backend) {
  return std::make_unique<InProcess>(backend);
}

bool is_in_process(const Backend& backend) {
  return dynamic_cast<const InProcess*>(&backend) != nullptr;
}

}  // namespace normbench
