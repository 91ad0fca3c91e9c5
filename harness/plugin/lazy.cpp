// Everything but the name waits for the plugin.
#include "harness/plugin/lazy.h"

#include <filesystem>
#include <mutex>
#include <utility>

#include "harness/plugin/loader.h"

namespace normbench {
namespace {

class Lazy : public Backend {
 public:
  explicit Lazy(std::string name) : name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  std::string version() const override { return plugin().version(); }
  Support supports(const Problem& problem) const override { return plugin().supports(problem); }
  Accuracy accuracy(const Problem& problem) const override { return plugin().accuracy(problem); }
  bool repeatable(const Problem& problem) const override { return plugin().repeatable(problem); }
  bool native_layout() const override { return plugin().native_layout(); }
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override {
    return plugin().prepare(problem, arguments, threads);
  }

 private:
  const Backend& plugin() const {
    const std::lock_guard lock(mutex_);
    if (!plugin_) {
      const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "plugins";
      plugin_ = load_plugin((folder / ("lib" + name_ + ".so")).string());
    }
    return *plugin_;
  }

  std::string name_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Backend> plugin_;
};

}  // namespace

std::unique_ptr<Backend> load_lazily(const std::string& name) {
  return std::make_unique<Lazy>(name);
}

}  // namespace normbench
