// A backend in a process of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "harness/check/remote.h"
#include "harness/worker/process.h"

namespace normbench {

struct WorkerOptions {
  WorkerCommand command = {};
  // The longest that an answer may take.
  std::chrono::milliseconds limit = std::chrono::seconds(60);
  // Of the backend; where it is empty the worker is asked.
  std::string name = {};
};

// What a worker says of itself.
struct Hello {
  std::string name;
  std::string version;
  std::string language;      // where calls cost something
  double empty_call_ns = 0;  // what a timed call of nothing takes there
  bool native_layout = false;
  bool can_read = false;  // the output, after each timed call
};

class Connection;

// A backend whose work is done by a worker, which is started when it is needed, and anew where it
// was lost. Kernels of a worker that was lost because of another one are prepared again, so that
// each answers for itself. After three in a row that lost it, supports() throws why the rest is not
// tried.
class WorkerBackend : public RemoteBackend {
 public:
  explicit WorkerBackend(WorkerOptions options);
  ~WorkerBackend() override;

  // Starts it, and does not wait. Throws std::system_error when no process can be made.
  void start() const;
  // Ends it. It is started again when it is needed.
  void stop() const;

  // Waits until the worker has started. Throws WorkerLost, or std::runtime_error with its words.
  const Hello& hello() const;
  // What a worker of it said last, without waiting; null when none said anything.
  const Hello* last_hello() const;

  std::string_view name() const override;
  // Empty where the worker did not start.
  std::string version() const override;
  Support supports(const Problem& problem) const override;
  // These are of the problem that was prepared last.
  Accuracy accuracy(const Problem& problem) const override;
  bool repeatable(const Problem& problem) const override;
  bool native_layout() const override;
  std::unique_ptr<Kernel> prepare(const Problem& problem, const Arguments& arguments,
                                  int threads) const override;
  std::optional<std::string> left() const override;

 private:
  std::shared_ptr<Connection> connection_;
  struct Prepared;
  std::shared_ptr<Prepared> prepared_;
};

}  // namespace normbench
