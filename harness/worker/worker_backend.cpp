// The conductor's end of the protocol.
#include "harness/worker/worker_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "harness/bench/slot.h"
#include "harness/bench/stopwatch.h"
#include "harness/check/shared_memory.h"
#include "harness/worker/changes.h"
#include "harness/worker/messages.h"

namespace normbench {
namespace {

using nlohmann::json;

constexpr int kMostLosses = 3;  // in a row
// Libraries take seconds to start, and several start at once.
constexpr std::chrono::milliseconds kLeastLimitOfStart(10'000);

Accuracy accuracy_of(const json& answer) {
  Accuracy accuracy;
  const auto found = answer.find("accuracy");
  if (found == answer.end()) return accuracy;
  accuracy.grade = found->value("grade", "A") == "B" ? Grade::kB : Grade::kA;
  accuracy.roundings = found->value("roundings", accuracy.roundings);
  accuracy.exact_sums = found->value("exact_sums", accuracy.exact_sums);
  return accuracy;
}

}  // namespace

// A worker and its successors.
class WorkerBackend::Connection {
 public:
  explicit Connection(WorkerOptions options) : options_(std::move(options)) {}

  ~Connection() {
    if (process_) process_->ask(R"({"ask":"bye"})", -1, std::chrono::seconds(1));
  }

  const WorkerOptions& options() const { return options_; }

  // A number that is another one for each process.
  int generation() const { return generation_; }
  bool is_lost() const { return !process_; }

  // Starts a process where there is none, and waits until it has said hello.
  const Hello& greet() {
    start();
    if (hello_) return *hello_;
    const json answer = ask({{"ask", "hello"}, {"protocol", kProtocol}}, "while it started", -1,
                            std::max(options_.limit, kLeastLimitOfStart));
    const int protocol = value(answer, "protocol", 0);
    if (protocol != kProtocol) {
      throw std::runtime_error(
          fmt::format("the worker speaks protocol {}, and not {}", protocol, kProtocol));
    }
    said_ = hello_ = Hello{.name = value(answer, "name", std::string()),
                           .version = value(answer, "version", std::string()),
                           .language = value(answer, "language", std::string()),
                           .empty_call_ns = value(answer, "empty_call_ns", 0.0)};
    return *hello_;
  }

  // Of this process or one before.
  const Hello* said() const { return said_ ? &*said_ : nullptr; }

  // Throws WorkerLost, or what the worker says that went wrong.
  json ask(const json& message, std::string_view stage, int file = -1) {
    return ask(message, stage, file, options_.limit);
  }
  json ask(const json& message, std::string_view stage, int file, std::chrono::milliseconds limit) {
    const auto answer = process_->ask(message.dump(), file, limit);
    if (answer.end != WorkerProcess::End::kAnswered) lose(answer, stage, limit);
    json parsed = json::parse(answer.text, nullptr, false);
    if (!parsed.is_object()) {
      lose({.end = WorkerProcess::End::kBrokeProtocol,
            .text = fmt::format("answered what is no JSON object: {:.80}", answer.text)},
           stage, limit);
    }
    const auto error = parsed.find("error");
    if (error != parsed.end()) {
      throw std::runtime_error(error->is_string() ? error->get<std::string>() : error->dump());
    }
    return parsed;
  }

  // A field of an answer; one of another type breaks the protocol.
  template <class T>
  T value(const json& answer, const char* field, T missing) {
    try {
      return answer.value(field, std::move(missing));
    } catch (const json::exception&) {
      lose({.end = WorkerProcess::End::kBrokeProtocol,
            .text = fmt::format("answered with a {} that is none: {:.80}", field, answer.dump())},
           "in its answer", options_.limit);
    }
  }

  // A case is over in which nobody lost the worker.
  void praise() { losses_ = 0; }

  void refuse_after_losses() const {
    if (losses_ < kMostLosses) return;
    throw WorkerLost(outcome_, fmt::format("not tried: {} cases in a row before it ended like the "
                                           "last one, which {}",
                                           losses_, last_reason_));
  }

  void start() {
    if (process_) return;
    ++generation_;
    hello_.reset();
    process_.emplace(options_.command);
  }

  json last_prepared = json::object();
  MemoryFile changes;

 private:
  [[noreturn]] void lose(const WorkerProcess::Answer& answer, std::string_view stage,
                         std::chrono::milliseconds limit) {
    process_.reset();
    ++losses_;
    outcome_ = answer.end == WorkerProcess::End::kTooLate ? Outcome::kTimedOut : Outcome::kCrashed;
    const double seconds = 1e-3 * static_cast<double>(limit.count());
    switch (answer.end) {
      case WorkerProcess::End::kTooLate:
        last_reason_ = fmt::format("took longer than {:.9g} s {}", seconds, stage);
        if (!answer.text.empty()) last_reason_ += "; " + answer.text;
        break;
      case WorkerProcess::End::kBrokeProtocol:
        last_reason_ = fmt::format("broke the protocol {}: {}", stage, answer.text);
        break;
      default:
        last_reason_ = fmt::format("{}: {}", stage, answer.text);
    }
    throw WorkerLost(outcome_, last_reason_);
  }

  WorkerOptions options_;
  std::optional<WorkerProcess> process_;
  std::optional<Hello> hello_, said_;
  int generation_ = 0;
  int losses_ = 0;
  Outcome outcome_ = Outcome::kCrashed;
  std::string last_reason_;
};

// A kernel of the worker.
class WorkerBackend::RemoteWork : public TimedKernel {
 public:
  RemoteWork(std::shared_ptr<Connection> connection, const Problem& problem,
             const Arguments& arguments, int threads)
      : connection_(std::move(connection)),
        problem_(problem),
        arguments_(arguments),
        threads_(threads),
        number_(next_number()) {
    prepare();
  }

  ~RemoteWork() override {
    if (lost_) return;
    connection_->praise();
    if (!is_there()) return;
    try {
      connection_->ask({{"ask", "release"}, {"kernel", number_}}, "when its kernel was released");
    } catch (const std::exception&) {
      // It is started anew for the next case.
    }
  }

  void load() override {
    loaded_ = true;
    ask_for_ns({{"ask", "load"}, {"kernel", number_}}, "in load()");
  }

  void run() override {
    ask_for_ns({{"ask", "run"}, {"kernels", {number_}}, {"calls", 1}}, "in run()");
  }

  void collect() override {
    if (is_there() && !collects_) return;
    ask_for_ns({{"ask", "collect"}, {"kernel", number_}}, "in collect()");
  }

  std::string detail() const override { return detail_; }

  Watched run_watched() override {
    const json answer = ask_for_ns(
        {{"ask", "run"}, {"kernels", {number_}}, {"calls", 1}, {"watch", true}}, "in run()");
    Watched watched = {.bytes_written = connection_->value(answer, "written", std::int64_t{0})};
    if (answer.contains("allocations")) {
      watched.allocations = connection_->value(answer, "allocations", std::int64_t{0});
    }
    return watched;
  }

  std::optional<std::string> left() const override {
    if (lost_ || !is_there()) return std::nullopt;
    const json answer = ask({{"ask", "left"}}, "after its work");
    const auto left = answer.find("left");
    if (left == answer.end() || !left->is_string()) return std::nullopt;
    return left->get<std::string>();
  }

  double last_ns() const override { return ns_; }

  Slot time(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp* warm_up) override {
    json numbers = json::array();
    for (Kernel* kernel : kernels) {
      auto& remote = dynamic_cast<RemoteWork&>(*kernel);
      remote.be_there();
      numbers.push_back(remote.number_);
    }
    json message = {
        {"ask", "run"}, {"kernels", std::move(numbers)}, {"calls", calls}, {"timed", true}};
    int changes = -1;
    if (warm_up != nullptr) {
      const std::size_t bytes = write_changes(*warm_up);
      if (bytes > 0) changes = connection_->changes.descriptor();
      message["warm_up"] = {{"load", warm_up->load}, {"changes", bytes}};
    }
    const Stopwatch stopwatch;
    const json answer = ask(message, "in run()", changes);
    const double outside = stopwatch.seconds();
    const double ns = connection_->value(answer, "ns", 0.0);
    return {.ns = ns / static_cast<double>(calls),
            .seconds = 1e-9 * ns,
            .cpu_seconds = 1e-9 * connection_->value(answer, "cpu_ns", 0.0),
            .preempted = connection_->value(answer, "preempted", std::int64_t{0}),
            .faults = connection_->value(answer, "faults", std::int64_t{0}),
            .seconds_outside = outside};
  }

 private:
  // What change() makes of the buffers, which are left as they were: the worker does it, after the
  // untimed call.
  std::size_t write_changes(const WarmUp& warm_up) {
    std::vector<std::byte> before;
    for (const auto part : warm_up.changed) before.insert(before.end(), part.begin(), part.end());
    warm_up.change();
    std::vector<std::byte> records;
    std::size_t at = 0;
    for (const auto part : warm_up.changed) {
      append_change(records, static_cast<std::uint64_t>(part.data() - memory_), part);
      std::copy_n(before.begin() + static_cast<std::ptrdiff_t>(at), part.size(), part.begin());
      at += part.size();
    }
    connection_->changes.write(records);
    return records.size();
  }

  static int next_number() {
    static int last = 0;
    return ++last;
  }

  bool is_there() const {
    return !connection_->is_lost() && generation_ == connection_->generation();
  }

  // In the worker that there is now, should another kernel have lost the one before.
  void be_there() {
    if (lost_) throw WorkerLost(*lost_);
    if (is_there()) return;
    prepare();
    if (loaded_) ask({{"ask", "load"}, {"kernel", number_}}, "in load()");
  }

  void prepare() {
    const auto place = shared_place(place_of_any_buffer());
    if (!place) {
      throw std::runtime_error(
          "its buffers cannot be shared with a process of its own (does ulimit -f limit files?): "
          "use --in-process");
    }
    memory_ = static_cast<const std::byte*>(place_of_any_buffer()) - place->offset;
    const json message = {{"ask", "prepare"},
                          {"kernel", number_},
                          {"problem", problem_json(problem_)},
                          {"threads", threads_},
                          {"memory", place->bytes},
                          {"buffers", buffers_json(problem_, arguments_, memory_)}};
    try {
      connection_->greet();
    } catch (const WorkerLost& lost) {
      lost_ = lost;
      throw;
    }
    generation_ = connection_->generation();
    const json answer = ask(message, "in prepare()", place->descriptor);
    ns_ = connection_->value(answer, "ns", 0.0);
    detail_ = connection_->value(answer, "detail", std::string());
    collects_ = connection_->value(answer, "collects", true);
    connection_->last_prepared = answer;
  }

  const void* place_of_any_buffer() const {
    for (const Tensor* tensor : {&arguments_.x, &arguments_.dy}) {
      if (tensor->present()) return tensor->data;
    }
    return nullptr;
  }

  json ask_for_ns(const json& message, std::string_view stage) {
    be_there();
    json answer = ask(message, stage);
    ns_ = connection_->value(answer, "ns", 0.0);
    return answer;
  }

  json ask(const json& message, std::string_view stage, int file = -1) const {
    try {
      return connection_->ask(message, stage, file);
    } catch (const WorkerLost& lost) {
      lost_ = lost;
      throw;
    }
  }

  std::shared_ptr<Connection> connection_;
  Problem problem_;
  Arguments arguments_;
  int threads_;
  int number_;
  int generation_ = 0;
  const std::byte* memory_ = nullptr;  // of all buffers
  bool loaded_ = false;
  bool collects_ = true;
  std::string detail_;
  double ns_ = 0;
  mutable std::optional<WorkerLost> lost_;  // when this kernel lost it
};

WorkerBackend::WorkerBackend(WorkerOptions options)
    : connection_(std::make_shared<Connection>(std::move(options))) {}

WorkerBackend::~WorkerBackend() = default;

void WorkerBackend::start() const { connection_->start(); }

const Hello& WorkerBackend::hello() const { return connection_->greet(); }

const Hello* WorkerBackend::said() const { return connection_->said(); }

std::string_view WorkerBackend::name() const {
  const std::string& given = connection_->options().name;
  if (!given.empty() || said() == nullptr) return given;
  return said()->name;
}

std::string WorkerBackend::version() const {
  try {
    return hello().version;
  } catch (const std::exception&) {
    return said() != nullptr ? said()->version : "";
  }
}

Support WorkerBackend::supports(const Problem& problem) const {
  connection_->refuse_after_losses();
  connection_->greet();
  const json answer =
      connection_->ask({{"ask", "supports"}, {"problem", problem_json(problem)}}, "in supports()");
  const auto reason = answer.find("unsupported");
  if (reason == answer.end() || reason->is_null()) return Support::yes();
  return Support::no(reason->is_string() ? reason->get<std::string>() : reason->dump());
}

Accuracy WorkerBackend::accuracy(const Problem&) const {
  return accuracy_of(connection_->last_prepared);
}

bool WorkerBackend::repeatable(const Problem&) const {
  return connection_->value(connection_->last_prepared, "repeatable", true);
}

bool WorkerBackend::native_layout() const {
  return connection_->value(connection_->last_prepared, "native_layout", false);
}

std::unique_ptr<Kernel> WorkerBackend::prepare(const Problem& problem, const Arguments& arguments,
                                               int threads) const {
  return std::make_unique<RemoteWork>(connection_, problem, arguments, threads);
}

}  // namespace normbench
