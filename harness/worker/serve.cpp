// One message after the other: the same work that would be done in the conductor's process.
#include "harness/worker/serve.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/bench/errors.h"
#include "harness/bench/read.h"
#include "harness/bench/slot.h"
#include "harness/bench/stopwatch.h"
#include "harness/check/allocations.h"
#include "harness/check/output.h"
#include "harness/check/process_state.h"
#include "harness/check/read_only.h"
#include "harness/check/workspace.h"
#include "harness/worker/changes.h"
#include "harness/worker/messages.h"
#include "harness/worker/socket.h"

namespace normbench {
namespace {

using nlohmann::json;

constexpr std::size_t kPage = 4096;

std::int64_t nanoseconds(double seconds) { return static_cast<std::int64_t>(1e9 * seconds); }

// Closes it, whoever asked for it.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ != -1) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// The conductor's memory, here.
class Mapping {
 public:
  Mapping(int file, std::size_t bytes) : bytes_(bytes) {
    struct stat file_status {};
    if (file == -1 || fstat(file, &file_status) != 0) {
      throw std::runtime_error("no memory came with the message");
    }
    if (bytes == 0 || static_cast<std::size_t>(file_status.st_size) < bytes) {
      throw std::runtime_error(
          fmt::format("the memory has {} bytes, and not {}", file_status.st_size, bytes));
    }
    // Populated: the first call would otherwise pay for the pages.
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("the memory cannot be mapped");
    data_ = static_cast<std::byte*>(memory);
  }
  ~Mapping() { munmap(data_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const { return data_; }
  std::span<std::byte> bytes() const { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

// A kernel, and what it works on.
struct Hosted {
  std::unique_ptr<Mapping> memory = {};
  std::vector<std::pair<std::string, ReadOnly>> inputs = {};
  std::unique_ptr<Kernel> kernel = {};
  std::unique_ptr<Kernel> read = {};  // of what the kernel writes, with as many threads
};

// All pages that an input is in: no other buffer is.
std::span<std::byte> pages_of(const Tensor& tensor) {
  const auto first = reinterpret_cast<std::uintptr_t>(tensor.data) / kPage * kPage;
  const auto last = reinterpret_cast<std::uintptr_t>(tensor.data) + tensor.bytes();
  return {reinterpret_cast<std::byte*>(first), (last - first + kPage - 1) / kPage * kPage};
}

class Worker {
 public:
  Worker(const Backend& backend, int socket) : backend_(backend), socket_(socket) {}

  void serve() {
    while (true) {
      const auto packet = socket_.receive();
      if (!packet) return;
      bool last = false;
      const json answer = answer_to(*packet, last);
      // A process that the backend made, and that came back as well: one answer is enough.
      if (getpid() != process_) _exit(0);
      const std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace);
      if (socket_.send(text) != Socket::Sent::kYes) return;
      if (last) return;
    }
  }

 private:
  json answer_to(const Socket::Packet& packet, bool& last) {
    const File file(packet.file);
    json number;
    json result;
    try {
      const json message = json::parse(packet.text);
      if (message.contains("number")) number = message.at("number");
      last = message.value("ask", "") == "bye";
      result = answer(message, file.descriptor());
    } catch (const json::exception& error) {
      result = {{"error", fmt::format("the message is malformed: {}", error.what())}};
    } catch (const std::exception& error) {
      result = {{"error", error.what()}};
    } catch (...) {
      result = {{"error", "something that is not a std::exception"}};
    }
    if (!number.is_null()) result["number"] = number;
    return result;
  }

  json answer(const json& message, int file) {
    const std::string ask = message.at("ask").get<std::string>();
    if (ask == "run") return run(message, file);
    if (ask == "load") return timed(message, [](Kernel& kernel) { kernel.load(); });
    if (ask == "collect") return timed(message, [](Kernel& kernel) { kernel.collect(); });
    if (ask == "left") return left();
    if (ask == "prepare") return prepare(message, file);
    if (ask == "supports") return supports(message);
    if (ask == "release") return release(message);
    if (ask == "hello") return hello(message);
    if (ask == "bye") return json::object();
    throw std::runtime_error(fmt::format("'{}' is not known here", ask));
  }

  json hello(const json& message) {
    const int protocol = message.value("protocol", 0);
    if (protocol != kProtocol) {
      throw std::runtime_error(
          fmt::format("speaks protocol {}, and was asked for {}", kProtocol, protocol));
    }
    json answer = {{"protocol", kProtocol},
                   {"name", backend_.name()},
                   {"version", backend_.version()},
                   {"native_layout", backend_.native_layout()},
                   {"then", json::array({"read"})}};
    expect_writes();
    state_.emplace();
    return answer;
  }

  json supports(const json& message) const {
    const Support support = backend_.supports(problem_of(message));
    return {{"unsupported", support.supported ? json(nullptr) : json(support.reason)}};
  }

  json prepare(const json& message, int file) {
    const int number = message.at("kernel").get<int>();
    if (kernels_.contains(number)) {
      throw std::runtime_error(fmt::format("there is a kernel {} already", number));
    }
    const auto bytes = message.at("memory").get<std::size_t>();
    Hosted hosted{.memory = std::make_unique<Mapping>(file, bytes)};
    const Problem problem = problem_of(message);
    const Arguments arguments =
        arguments_of(problem, message.at("buffers"), hosted.memory->data(), bytes);
    for (const BufferSpec& spec : buffer_specs(problem)) {
      if (spec.role != Role::kInput) continue;
      hosted.inputs.emplace_back(spec.name, ReadOnly(pages_of(arguments.*spec.member)));
    }
    const int threads = message.at("threads").get<int>();
    hosted.read = make_read(tensors_written(arguments), threads);
    const Stopwatch stopwatch;
    hosted.kernel = backend_.prepare(problem, arguments, threads);
    const std::int64_t ns = nanoseconds(stopwatch.seconds());
    if (!hosted.kernel) throw std::runtime_error("prepare() returned no kernel");
    const Accuracy accuracy = backend_.accuracy(problem);
    json answer = {{"ns", ns},
                   {"detail", hosted.kernel->detail()},
                   {"measured", hosted.kernel->measured()},
                   {"accuracy",
                    {{"grade", accuracy.grade == Grade::kA ? "A" : "B"},
                     {"roundings", accuracy.roundings},
                     {"exact_sums", accuracy.exact_sums},
                     {"variance", name(accuracy.variance)},
                     {"from_rstd", accuracy.from_rstd}}},
                   {"repeatable", backend_.repeatable(problem)},
                   {"native_layout", backend_.native_layout()}};
    kernels_.emplace(number, std::move(hosted));
    return answer;
  }

  Hosted& hosted(int number) {
    const auto found = kernels_.find(number);
    if (found == kernels_.end()) throw std::runtime_error(fmt::format("no kernel {}", number));
    return found->second;
  }

  template <class Work>
  json timed(const json& message, Work work) {
    Kernel& kernel = *hosted(message.at("kernel").get<int>()).kernel;
    const Stopwatch stopwatch;
    work(kernel);
    return {{"ns", nanoseconds(stopwatch.seconds())}};
  }

  json run(const json& message, int file) {
    std::vector<Kernel*> kernels;
    for (const json& number : message.at("kernels")) {
      kernels.push_back(hosted(number.get<int>()).kernel.get());
    }
    if (kernels.empty()) throw std::runtime_error("run without kernels");
    const std::vector<Kernel*> reads = reads_after(message);
    const auto calls = message.at("calls").get<std::int64_t>();
    const auto work = [&] {
      if (!message.value("timed", false)) return call_plainly(kernels, calls);
      for (const json& number : message.at("kernels")) allow_writes(number.get<int>());
      if (!message.contains("warm_up")) return time_slot(kernels, calls, reads);
      const json& warm_up = message.at("warm_up");
      const auto changes = read_file(file, warm_up.value("changes", std::size_t{0}));
      const Mapping& memory = *hosted(message.at("kernels").at(0).get<int>()).memory;
      const WarmUp before = {.load = warm_up.value("load", false),
                             .change = [&] { apply_changes(changes, memory.bytes()); }};
      return time_slot(kernels, calls, before, reads);
    };
    if (message.value("watch", false)) return watched(work);
    return answer_of(work());
  }

  // What follows each call of the kernels: nothing, or a read.
  std::vector<Kernel*> reads_after(const json& message) {
    if (!message.contains("then")) return {};
    if (message.at("then") != "read") {
      throw std::runtime_error(
          fmt::format("'then' is {} and can be \"read\"", message.at("then").dump(-1, ' ', true)));
    }
    if (!message.value("timed", false)) {
      throw std::runtime_error("'then' is of timed calls only");
    }
    std::vector<Kernel*> reads;
    for (const json& number : message.at("kernels")) {
      reads.push_back(hosted(number.get<int>()).read.get());
    }
    return reads;
  }

  // From the first sample on: what changes before the clock is written from here, and a right that
  // is taken and given back costs the calls that follow.
  void allow_writes(int number) { hosted(number).inputs.clear(); }

  // Without what makes a sample of it: in a check there are many.
  static Slot call_plainly(std::span<Kernel* const> kernels, std::int64_t calls) {
    const Usage before;
    const Stopwatch stopwatch;
    for (std::int64_t call = 0; call < calls; ++call) {
      kernels[static_cast<std::size_t>(call) % kernels.size()]->run();
    }
    const double seconds = stopwatch.seconds();
    Slot slot = before.until_now();
    slot.seconds = seconds;
    return slot;
  }

  static json answer_of(const Slot& slot) {
    return {{"ns", nanoseconds(slot.seconds)},
            {"cpu_ns", nanoseconds(slot.cpu_seconds)},
            {"preempted", slot.preempted},
            {"faults", slot.faults}};
  }

  template <class Work>
  static json watched(Work work) {
    json answer;
    const OutputCounter output;
    std::int64_t allocations = 0;
    {
      const AllocationCounter counter;
      const Slot slot = work();
      allocations = counter.count();
      answer = answer_of(slot);
    }
    answer["written"] = output.count();
    answer["allocations"] = allocations;
    return answer;
  }

  // All that is to be told, once.
  json left() {
    std::string words;
    const auto add = [&words](const std::string& more) {
      words += (words.empty() ? "" : ", ") + more;
    };
    for (auto& [number, hosted] : kernels_) {
      for (auto& [name, input] : hosted.inputs) {
        if (!input.written()) continue;
        const auto pages = input.covered();
        input = {};
        input = ReadOnly({const_cast<std::byte*>(pages.data()), pages.size()});
        add("changed its input " + name);
      }
    }
    if (state_) {
      if (const auto left = state_->restore()) add(*left);
    }
    siginfo_t information{};
    if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG) == 0) add("started another process");
    return {{"left", words.empty() ? json(nullptr) : json(words)}};
  }

  json release(const json& message) {
    const int number = message.at("kernel").get<int>();
    hosted(number);
    kernels_.erase(number);
    if (kernels_.empty()) release_free_memory();
    return json::object();
  }

  const Backend& backend_;
  Socket socket_;
  const pid_t process_ = getpid();
  std::map<int, Hosted> kernels_;
  std::optional<ProcessState> state_;
};

}  // namespace

int socket_of_worker() {
  std::signal(SIGINT, SIG_IGN);  // the conductor ends it when it has finished
  const char* const text = std::getenv(kSocketVariable);
  int descriptor = -1;
  if (text != nullptr) {
    const char* const last = text + std::strlen(text);
    const auto [end, error] = std::from_chars(text, last, descriptor);
    if (error != std::errc() || end != last) descriptor = -1;
  }
  if (descriptor < 0) {
    throw UsageError(fmt::format(
        "a worker is started by normbench run and verify, which leave it a socket in {}",
        kSocketVariable));
  }
  return descriptor;
}

void serve(const Backend& backend, int socket) { Worker(backend, socket).serve(); }

void serve_error(const std::string& error, int socket) {
  const Socket conductor(socket);
  while (const auto packet = conductor.receive()) {
    json answer = {{"error", error}};
    const json message = json::parse(packet->text, nullptr, false);
    if (message.is_object() && message.contains("number")) answer["number"] = message["number"];
    const std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace);
    if (conductor.send(text) != Socket::Sent::kYes) return;
  }
}

}  // namespace normbench
