// Problems on a backend that was chosen by name.
#pragma once

#include <memory>
#include <string>

#include "harness/core/backend.h"
#include "harness/nn/module.h"

namespace normbench::nn {

// Runs one problem after the other, and prepares a kernel only when problem or buffers are others
// than the last time.
class Runner {
 public:
  // Throws std::invalid_argument when this build has no such backend, or threads are below 1.
  explicit Runner(const On& on);

  // load(), run() and collect() of the kernel. Throws std::runtime_error in the backend's words
  // when it does not take the problem; `who` stands before them.
  void run(std::string_view who, const Problem& problem, const Arguments& arguments);

  const Backend& backend() const { return *backend_; }

 private:
  const Backend* backend_;
  int threads_;
  Problem problem_;
  Arguments arguments_;
  std::unique_ptr<Kernel> kernel_;
  bool loaded_ = false;
};

}  // namespace normbench::nn
