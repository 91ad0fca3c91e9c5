// Backends in processes of their own, as the check sees them.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "harness/check/check.h"
#include "harness/core/backend.h"

namespace normbench {

// Thrown by such a backend or its kernels when its process ended or was too late. What is thrown
// otherwise is what the backend itself threw there.
class WorkerLost : public std::runtime_error {
 public:
  // `outcome`: crashed or timed out.
  WorkerLost(Outcome outcome, const std::string& reason)
      : std::runtime_error(reason), outcome_(outcome) {}

  Outcome outcome() const { return outcome_; }

 private:
  Outcome outcome_;
};

// The state of this process says nothing of such a backend: its own one is asked.
class RemoteBackend : public Backend {
 public:
  // What of that process is not as it was, as ProcessState says it. May throw WorkerLost.
  virtual std::optional<std::string> left() const = 0;
};

// What this process cannot see of its work, its own one tells.
class RemoteKernel : public Kernel {
 public:
  struct Watched {
    std::optional<std::int64_t> allocations = {};  // nothing where they cannot be counted
    std::int64_t bytes_written = 0;
  };

  // run(), and what it did beside its work.
  virtual Watched run_watched() = 0;
  // What the last of prepare, load, run or collect took there, in ns.
  virtual double last_ns() const = 0;
};

}  // namespace normbench
