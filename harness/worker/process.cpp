// Starting, waiting for and ending a process.
#include "harness/worker/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "harness/bench/machine.h"
#include "harness/worker/messages.h"

extern char** environ;

namespace normbench {
namespace {

constexpr std::size_t kKept = 2000;  // bytes of its output
constexpr std::size_t kShown = 300;  // of these, in a reason
constexpr int kSocketOfWorker = 3;
constexpr int kCannotStart = 127;                 // as shells report it
constexpr std::chrono::milliseconds kGrace(500);  // to end by itself

// NAME=VALUE, as execve() takes it.
std::vector<std::string> environment_of(const WorkerCommand& command) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    all[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : command.environment) all[name] = value;
  all[kSocketVariable] = std::to_string(kSocketOfWorker);
  std::vector<std::string> list;
  for (const auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// All CPUs that this process was lent: OpenMP binds the thread that starts a worker to one of them.
std::vector<unsigned long> mask_of(const std::vector<int>& cpus) {
  constexpr int kBits = 8 * sizeof(unsigned long);
  std::vector<unsigned long> mask;
  for (const int cpu : cpus) {
    const auto word = static_cast<std::size_t>(cpu / kBits);
    if (mask.size() <= word) mask.resize(word + 1);
    mask[word] |= 1UL << (cpu % kBits);
  }
  return mask;
}

// In the new process, before the program: other threads of this one may have held locks, so nothing
// is called that takes one.
struct Child {
  std::vector<char*> words;
  std::vector<char*> environment;
  std::vector<unsigned long> cpus;
  int socket;
  int output;

  [[noreturn]] void become_worker() const {
    setpgid(0, 0);  // Ctrl-C is for the conductor
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // what it starts stays its own
    const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score == -1 || write(score, "1000", 4) != 4) {
      // The system chooses by itself, then.
    }
    syscall(SYS_sched_setaffinity, 0, cpus.size() * sizeof(cpus[0]), cpus.data());
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGSEGV, SIGXFSZ})
      std::signal(number, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    if (socket == kSocketOfWorker) {
      fcntl(socket, F_SETFD, 0);
    } else {
      dup2(socket, kSocketOfWorker);
    }
    syscall(SYS_close_range, kSocketOfWorker + 1, ~0U, 0);
    execvpe(words[0], words.data(), environment.data());
    for (const char* text : {"cannot start ", static_cast<const char*>(words[0]), ": ",
                             strerrordesc_np(errno), "\n"}) {
      if (text == nullptr || write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
    }
    _exit(kCannotStart);
  }
};

// The end of what was printed, on one line.
std::string last_of(std::string_view printed) {
  std::string text;
  for (const char c : printed.substr(printed.size() - std::min(printed.size(), kShown))) {
    const bool blank = static_cast<unsigned char>(c) <= ' ';
    if (blank && (text.empty() || text.back() == ' ')) continue;
    text += blank ? ' ' : c;
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return printable(text);
}

}  // namespace

WorkerProcess::WorkerProcess(const WorkerCommand& command) {
  auto [ours, theirs] = Socket::pair();
  std::array<int, 2> output{};
  if (pipe2(output.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe for a worker");
  }
  std::vector<std::string> words = command.words;
  std::vector<std::string> environment = environment_of(command);
  const Child child{.words = pointers_to(words),
                    .environment = pointers_to(environment),
                    .cpus = mask_of(affinity_cpus()),
                    .socket = theirs.descriptor(),
                    .output = output[1]};
  process_ = fork();
  if (process_ == 0) child.become_worker();
  const int error = errno;
  close(output[1]);
  output_ = output[0];
  fcntl(output_, F_SETFL, O_NONBLOCK);
  if (process_ == -1) {
    close(output_);
    throw std::system_error(error, std::generic_category(), "cannot start a worker");
  }
  setpgid(process_, process_);  // whoever of both is first
  process_descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, process_, 0));
  socket_ = std::move(ours);
}

WorkerProcess::~WorkerProcess() {
  socket_ = Socket();
  if (!reaped_ && process_descriptor_ != -1) {
    pollfd ended{.fd = process_descriptor_, .events = POLLIN, .revents = 0};
    poll(&ended, 1, static_cast<int>(kGrace.count()));
  }
  kill_all();
  if (process_descriptor_ != -1) close(process_descriptor_);
  if (output_ != -1) close(output_);
}

void WorkerProcess::kill_all() {
  if (reaped_) return;
  kill(-process_, SIGKILL);
  kill(process_, SIGKILL);
  while (waitpid(process_, &status_, 0) == -1 && errno == EINTR) {
  }
  reaped_ = true;
}

WorkerProcess::Answer WorkerProcess::ask(const std::string& packet, int descriptor,
                                         std::chrono::milliseconds limit) {
  pollfd gone{.fd = process_descriptor_, .events = POLLIN, .revents = 0};
  if (poll(&gone, 1, 0) > 0) return over(End::kEndedBefore, how_it_ended());
  // Only who does not read has a full socket, as one packet is under way at a time.
  switch (socket_.send(packet, descriptor)) {
    case Socket::Sent::kYes:
      return wait_for_answer(limit);
    case Socket::Sent::kFull:
      return over(End::kBrokeProtocol, "it does not read");
    case Socket::Sent::kClosed:
      break;
  }
  return over(End::kEnded, how_it_ended());
}

void WorkerProcess::forget_output() {
  read_output();
  printed_.clear();
}

WorkerProcess::Answer WorkerProcess::wait_for_answer(std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + limit;
  while (true) {
    std::array<pollfd, 3> all{{{.fd = socket_.descriptor(), .events = POLLIN, .revents = 0},
                               {.fd = output_, .events = POLLIN, .revents = 0},
                               {.fd = process_descriptor_, .events = POLLIN, .revents = 0}}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const int ready =
        poll(all.data(), all.size(),
             static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 1 << 30)));
    if (ready == -1 && errno != EINTR) {
      return over(End::kBrokeProtocol, fmt::format("cannot be waited for: {}", strerror(errno)));
    }
    if (ready > 0 && all[1].revents != 0) read_output();
    if (ready > 0 && all[0].revents != 0) {
      auto packet = socket_.receive();
      if (!packet) return over(End::kEnded, how_it_ended());
      if (packet->file != -1) close(packet->file);
      if (packet->too_long) {
        return over(End::kBrokeProtocol,
                    fmt::format("it answered with more than {} bytes", kMostBytesOfPacket));
      }
      return {.text = std::move(packet->text)};
    }
    // Its children may still hold the socket.
    if (ready > 0 && all[2].revents != 0) return over(End::kEnded, how_it_ended());
    if (Clock::now() >= deadline) return over(End::kTooLate, "");
  }
}

void WorkerProcess::read_output() {
  if (output_ == -1) return;
  // No more at a time: who prints without end must not keep us here.
  constexpr int kMostReads = 64;
  std::array<char, 4096> block;
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t count = read(output_, block.data(), block.size());
    if (count == 0) {
      // Closed by all: poll() would report it again and again.
      close(output_);
      output_ = -1;
    }
    if (count <= 0) return;
    printed_.append(block.data(), static_cast<std::size_t>(count));
    if (printed_.size() > kKept) printed_.erase(0, printed_.size() - kKept);
  }
}

// Waits for it to end, as it closed its socket.
std::string WorkerProcess::how_it_ended() {
  if (process_descriptor_ != -1) {
    pollfd ended{.fd = process_descriptor_, .events = POLLIN, .revents = 0};
    poll(&ended, 1, static_cast<int>(kGrace.count()));
  }
  siginfo_t information{};
  const bool by_itself =
      waitid(P_PID, static_cast<id_t>(process_), &information, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      information.si_pid == process_;
  kill_all();
  if (!by_itself) return "closed its socket";
  if (WIFSIGNALED(status_)) {
    const int number = WTERMSIG(status_);
    return fmt::format("was ended by signal {} ({}{})", number, strsignal(number),
                       number == SIGKILL ? ", as when memory runs out" : "");
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(status_));
}

WorkerProcess::Answer WorkerProcess::over(End end, std::string words) {
  kill_all();
  read_output();
  const std::string last = last_of(printed_);
  if (!last.empty()) words += fmt::format("{}it had printed: {}", words.empty() ? "" : "; ", last);
  return {.end = end, .text = std::move(words)};
}

}  // namespace normbench
