// A worker and its successors: what is asked, and what becomes of answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "harness/check/remote.h"
#include "harness/worker/changes.h"
#include "harness/worker/process.h"
#include "harness/worker/worker_backend.h"

namespace normbench {

// Fields of answers. Throw std::invalid_argument when a field is there and is none: this breaks the
// protocol. Numbers are finite, from 0 to `most`.
std::string text_of(const nlohmann::json& answer, const char* field);
bool flag_of(const nlohmann::json& answer, const char* field, bool missing);
std::set<std::string> texts_of(const nlohmann::json& answer, const char* field);
double number_of(const nlohmann::json& answer, const char* field, double most);
std::int64_t count_of(const nlohmann::json& answer, const char* field);

class Connection {
 public:
  explicit Connection(WorkerOptions options) : options_(std::move(options)) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const WorkerOptions& options() const { return options_; }

  // Each process has a number of its own, 0 is none.
  int generation() const { return process_ ? generation_ : 0; }

  // Starts a process where there is none, and does not wait.
  void start();
  // Ends it, and is not to blame for that: the next one that is needed is started.
  void retire() { process_.reset(); }

  // Starts a process where there is none, and waits until it has said hello.
  const Hello& greet();
  // The same of a process before, too; null when none said anything.
  const Hello* last_hello() const { return last_hello_ ? &*last_hello_ : nullptr; }

  // The answer, as `read(answer, seconds)` makes something of it: `seconds` is what it took.
  // `stage` says when, as "in run()". Throws WorkerLost, or std::runtime_error with the words of
  // the worker.
  template <class Read>
  auto ask(nlohmann::json message, std::string_view stage, Read read, int file = -1) {
    double seconds = 0;
    const nlohmann::json answer = exchange(message, stage, file, options_.limit, seconds);
    try {
      return read(answer, seconds);
    } catch (const std::invalid_argument& error) {
      lose_by_protocol(stage, error.what());
    } catch (const nlohmann::json::exception& error) {
      lose_by_protocol(stage, error.what());
    }
  }
  void ask(const nlohmann::json& message, std::string_view stage) {
    ask(message, stage, [](const nlohmann::json&, double) {});
  }

  // A worker is lost by what it did. Those in a row count, until a case ends well.
  void end_case_well() { losses_ = 0; }
  bool was_lost() const { return losses_ > 0; }
  // Throws WorkerLost after three in a row.
  void refuse_after_losses() const;

  // What is printed from here on belongs to another case.
  void forget_output() {
    if (process_) process_->forget_output();
  }

  MemoryFile changes;

 private:
  nlohmann::json exchange(nlohmann::json& message, std::string_view stage, int file,
                          std::chrono::milliseconds limit, double& seconds);
  [[noreturn]] void lose(Outcome outcome, std::string reason);
  [[noreturn]] void lose_by_protocol(std::string_view stage, std::string_view how);

  WorkerOptions options_;
  std::optional<WorkerProcess> process_;
  std::optional<Hello> hello_, last_hello_;
  int generation_ = 0;
  std::int64_t asked_ = 0;
  int losses_ = 0;
  Outcome outcome_ = Outcome::kCrashed;
  std::string last_reason_;
};

}  // namespace normbench
