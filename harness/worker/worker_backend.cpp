// Backend and kernel on this side of the socket.
#include "harness/worker/worker_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "harness/bench/slot.h"
#include "harness/check/shared_memory.h"
#include "harness/worker/connection.h"
#include "harness/worker/messages.h"

namespace normbench {

// What the worker claims of the problem that was prepared last.
struct WorkerBackend::Prepared {
  Accuracy accuracy = {};
  bool repeatable = true;
  std::optional<bool> native_layout = {};
};

namespace {

using nlohmann::json;

// Clocks of two processes are one, but read one after the other.
constexpr double kClockDifference = 1e-6;

double nanoseconds_of(const json& answer, double seconds) {
  return number_of(answer, "ns", 1e9 * (seconds + kClockDifference));
}

Accuracy accuracy_of(const json& answer) {
  Accuracy accuracy;
  const auto found = answer.find("accuracy");
  if (found == answer.end()) return accuracy;
  if (!found->is_object()) throw std::invalid_argument("its accuracy is no object");
  accuracy.grade = text_of(*found, "grade") == "B" ? Grade::kB : Grade::kA;
  accuracy.roundings = number_of(*found, "roundings", 1e300);
  accuracy.exact_sums = flag_of(*found, "exact_sums", accuracy.exact_sums);
  if (const std::string form = text_of(*found, "variance"); !form.empty()) {
    const auto known = parse_variance_form(form);
    if (!known) throw std::invalid_argument("its accuracy has a variance by '" + form + "'");
    accuracy.variance = *known;
  }
  accuracy.from_rstd = flag_of(*found, "from_rstd", accuracy.from_rstd);
  return accuracy;
}

class WorkerKernel : public TimedKernel {
 private:
  template <class Read>
  auto ask(const json& message, std::string_view stage, Read read, int file = -1) {
    try {
      return connection_->ask(message, stage, read, file);
    } catch (const WorkerLost& lost) {
      lost_ = lost;
      throw;
    }
  }

 public:
  // `prepared` is told what the worker claims.
  template <class Prepared>
  WorkerKernel(std::shared_ptr<Connection> connection, const Problem& problem,
               const Arguments& arguments, int threads, Prepared& prepared)
      : connection_(std::move(connection)),
        problem_(problem),
        arguments_(arguments),
        threads_(threads),
        number_(next_number()) {
    prepare([&](const json& answer) {
      prepared.accuracy = accuracy_of(answer);
      prepared.repeatable = flag_of(answer, "repeatable", true);
      prepared.native_layout = flag_of(answer, "native_layout", false);
    });
  }

  ~WorkerKernel() override {
    if (lost_ || !is_there()) return;
    try {
      connection_->ask({{"ask", "release"}, {"kernel", number_}}, "when its kernel was released");
      connection_->end_case_well();
    } catch (const WorkerLost&) {
      // Counted; it is started anew for the next case.
    } catch (const std::exception&) {
      connection_->retire();  // with what it did not release
    }
  }

  void load() override {
    loaded_ = true;
    ask_for_time({{"ask", "load"}, {"kernel", number_}}, "in load()");
  }

  void run() override { ask_for_time(run_message(1), "in run()"); }

  void collect() override {
    if (is_there() && !collects_) return;
    ask_for_time({{"ask", "collect"}, {"kernel", number_}}, "in collect()");
  }

  std::string detail() const override { return detail_; }
  std::string measured() const override { return measured_; }

  Watched run_watched() override {
    json message = run_message(1);
    message["watch"] = true;
    reconnect();
    return ask(message, "in run()", [this](const json& answer, double seconds) {
      ns_ = nanoseconds_of(answer, seconds);
      Watched watched = {.bytes_written = count_of(answer, "written")};
      if (answer.contains("allocations")) watched.allocations = count_of(answer, "allocations");
      return watched;
    });
  }

  double last_ns() const override { return ns_; }

  bool can_read() const override {
    const Hello* const hello = connection_->last_hello();
    return hello != nullptr && hello->can_read;
  }

  Slot time(std::span<Kernel* const> kernels, std::int64_t calls, const WarmUp* warm_up,
            bool read) override {
    json message = run_message(calls);
    message["timed"] = true;
    if (read) message["then"] = "read";
    message["kernels"] = json::array();
    for (Kernel* kernel : kernels) {
      auto& remote = dynamic_cast<WorkerKernel&>(*kernel);
      remote.reconnect();
      message["kernels"].push_back(remote.number_);
    }
    int changes = -1;
    if (warm_up != nullptr) {
      const std::size_t bytes = write_changes(*warm_up);
      if (bytes > 0) changes = connection_->changes.descriptor();
      message["warm_up"] = {{"load", warm_up->load}, {"changes", bytes}};
    }
    const auto slot_of = [calls](const json& answer, double seconds) {
      const double ns = nanoseconds_of(answer, seconds);
      if (ns == 0) throw std::invalid_argument("it says no ns of timed calls");
      return Slot{.ns = ns / static_cast<double>(calls),
                  .seconds = 1e-9 * ns,
                  .cpu_seconds = 1e-9 * number_of(answer, "cpu_ns", 1e18),
                  .preempted = count_of(answer, "preempted"),
                  .faults = count_of(answer, "faults"),
                  .seconds_outside = seconds};
    };
    return ask(message, "in run()", slot_of, changes);
  }

 private:
  static int next_number() {
    static int last = 0;
    return ++last;
  }

  json run_message(std::int64_t calls) const {
    return {{"ask", "run"}, {"kernels", {number_}}, {"calls", calls}};
  }

  // What change() makes of the buffers, which are left as they were: the worker does it, after the
  // untimed call.
  std::size_t write_changes(const WarmUp& warm_up) {
    const auto changed = warm_up.changed();
    std::vector<std::byte> before;
    for (const auto part : changed) before.insert(before.end(), part.begin(), part.end());
    warm_up.change();
    std::vector<std::byte> records;
    std::size_t at = 0;
    for (const auto part : changed) {
      append_change(records, static_cast<std::uint64_t>(part.data() - memory_), part);
      std::copy_n(before.begin() + static_cast<std::ptrdiff_t>(at), part.size(), part.begin());
      at += part.size();
    }
    connection_->changes.write(records);
    return records.size();
  }

  bool is_there() const { return generation_ == connection_->generation(); }

  // In the worker that there is now, should another kernel have lost the one before.
  void reconnect() {
    if (lost_) throw WorkerLost(*lost_);
    if (is_there()) return;
    prepare([](const json&) {});
    if (loaded_)
      ask({{"ask", "load"}, {"kernel", number_}}, "in load()", [](const json&, double) {});
  }

  template <class Read>
  void prepare(Read read) {
    const auto place = shared_place(address_of_any_buffer());
    if (!place) {
      throw std::runtime_error(
          "its buffers cannot be shared with a process of its own (does ulimit -f limit files?): "
          "use --in-process");
    }
    memory_ = static_cast<const std::byte*>(address_of_any_buffer()) - place->offset;
    try {
      connection_->greet();
    } catch (const WorkerLost& lost) {
      lost_ = lost;
      throw;
    }
    connection_->forget_output();
    generation_ = connection_->generation();
    const json message = {{"ask", "prepare"},
                          {"kernel", number_},
                          {"problem", problem_json(problem_)},
                          {"threads", threads_},
                          {"memory", place->bytes},
                          {"buffers", buffers_json(problem_, arguments_, memory_)}};
    const auto read_all = [&](const json& answer, double seconds) {
      ns_ = nanoseconds_of(answer, seconds);
      detail_ = text_of(answer, "detail");
      measured_ = text_of(answer, "measured");
      collects_ = flag_of(answer, "collects", true);
      read(answer);
    };
    ask(message, "in prepare()", read_all, place->descriptor);
  }

  const void* address_of_any_buffer() const {
    return arguments_.x.present() ? arguments_.x.data : arguments_.dy.data;
  }

  void ask_for_time(const json& message, std::string_view stage) {
    reconnect();
    ask(message, stage,
        [this](const json& answer, double seconds) { ns_ = nanoseconds_of(answer, seconds); });
  }

  std::shared_ptr<Connection> connection_;
  Problem problem_;
  Arguments arguments_;
  int threads_;
  int number_;
  int generation_ = -1;
  const std::byte* memory_ = nullptr;  // of all buffers
  bool loaded_ = false;
  bool collects_ = true;
  std::string detail_;
  std::string measured_;
  double ns_ = 0;
  std::optional<WorkerLost> lost_;  // when this kernel lost it
};

}  // namespace

WorkerBackend::WorkerBackend(WorkerOptions options)
    : connection_(std::make_shared<Connection>(std::move(options))),
      prepared_(std::make_shared<Prepared>()) {}

WorkerBackend::~WorkerBackend() = default;

void WorkerBackend::start() const { connection_->start(); }

void WorkerBackend::stop() const { connection_->retire(); }

const Hello& WorkerBackend::hello() const { return connection_->greet(); }

const Hello* WorkerBackend::last_hello() const { return connection_->last_hello(); }

std::string_view WorkerBackend::name() const {
  const std::string& given = connection_->options().name;
  if (!given.empty() || last_hello() == nullptr) return given;
  return last_hello()->name;
}

std::string WorkerBackend::version() const {
  if (last_hello() != nullptr) return last_hello()->version;
  if (connection_->was_lost()) return "";
  try {
    return hello().version;
  } catch (const std::exception&) {
    return "";
  }
}

Support WorkerBackend::supports(const Problem& problem) const {
  connection_->refuse_after_losses();
  connection_->greet();
  return connection_->ask({{"ask", "supports"}, {"problem", problem_json(problem)}},
                          "in supports()", [](const json& answer, double) {
                            const auto reason = answer.find("unsupported");
                            if (reason == answer.end() || reason->is_null()) return Support::yes();
                            return Support::no(text_of(answer, "unsupported"));
                          });
}

Accuracy WorkerBackend::accuracy(const Problem&) const { return prepared_->accuracy; }

bool WorkerBackend::repeatable(const Problem&) const { return prepared_->repeatable; }

bool WorkerBackend::native_layout() const {
  if (prepared_->native_layout) return *prepared_->native_layout;
  return last_hello() != nullptr && last_hello()->native_layout;
}

std::unique_ptr<Kernel> WorkerBackend::prepare(const Problem& problem, const Arguments& arguments,
                                               int threads) const {
  return std::make_unique<WorkerKernel>(connection_, problem, arguments, threads, *prepared_);
}

std::optional<std::string> WorkerBackend::left() const {
  if (connection_->generation() == 0) return std::nullopt;
  const auto left =
      connection_->ask({{"ask", "left"}}, "after its work",
                       [](const json& answer, double) { return text_of(answer, "left"); });
  if (left.empty()) return std::nullopt;
  // What cannot be put back would be found again, in a case that is not to blame.
  connection_->retire();
  return left;
}

}  // namespace normbench
