// Starts runs, one after the other, and collects the folders that they print.
#include "harness/cli/repeat.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <omp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "harness/cli/streams.h"

namespace normbench {
namespace {

constexpr std::array<std::string_view, 2> kFlags = {"--repeat", "--against"};

std::atomic<bool> stopped{false};
std::atomic<pid_t> child{0};

// What a terminal sends, it sends to the child as well; what a process sends (then the code is not
// positive) is for this process alone.
void pass_on(int number, siginfo_t* info, void*) {
  stopped = true;
  const pid_t process = child;
  if (info->si_code <= 0 && process > 0) kill(process, number);
}

void catch_signals() {
  struct sigaction action = {};
  action.sa_sigaction = pass_on;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

// Whether `word` is one of the flags, and whether its value is the next word.
bool is_flag(std::string_view word, bool& value_follows) {
  for (const std::string_view flag : kFlags) {
    value_follows = word == flag;
    if (value_follows || word.starts_with(std::string(flag) + "=")) return true;
  }
  return false;
}

std::vector<std::string> without_repeats(const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") return kept.insert(kept.end(), words.begin() + i, words.end()), kept;
    bool value_follows = false;
    if (!is_flag(words[i], value_follows)) {
      kept.push_back(words[i]);
    } else if (value_follows) {
      ++i;
    }
  }
  return kept;
}

// Where places are named (OMP_PLACES and the like), OpenMP has bound this thread to the first one.
void unbind() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> of_place(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, of_place.data());
    for (const int cpu : of_place) CPU_SET(static_cast<std::size_t>(cpu), &cpus);
  }
  if (CPU_COUNT(&cpus) > 0) sched_setaffinity(0, sizeof(cpus), &cpus);
}

// In the child: becomes `program`, whose stdout is `output`.
[[noreturn]] void become(const std::string& program, std::vector<std::string> words, int output) {
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  if (stopped) _exit(kInterrupted);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(output, STDOUT_FILENO);
  unbind();
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  say("normbench: error: {}: cannot be started: {}\n", program, std::strerror(errno));
  _exit(kUsage);
}

struct Ended {
  int code = 0;  // as of a shell: 128 and its number for a signal
  std::string output;
};

Ended start_and_wait(const std::string& program, const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe for a run");
  }
  const pid_t process = fork();
  if (process == -1) {
    throw std::system_error(errno, std::generic_category(), "cannot start a process for a run");
  }
  if (process == 0) become(program, words, ends[1]);
  child = process;
  if (stopped) kill(process, SIGTERM);
  close(ends[1]);
  Ended ended;
  std::array<char, 4096> block;
  ssize_t size = 0;
  while ((size = read(ends[0], block.data(), block.size())) > 0) {
    ended.output.append(block.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  waitpid(process, &status, 0);
  child = 0;
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

class Repetition {
 public:
  Repetition(const CommandLine& command, const RepeatOptions& options)
      : words_(without_repeats(command.words)), options_(options) {}

  int run() {
    catch_signals();
    const bool alternate = !options_.against.empty();
    for (int repeat = 0; repeat < options_.count; ++repeat) {
      // Whatever drifts meanwhile is shared by both.
      const bool other_first = repeat % 2 == 0;
      if (alternate && !run_once(other_first)) return conclude();
      if (!run_once(!other_first && alternate)) return conclude();
    }
    return conclude();
  }

 private:
  // False when there is nothing more to run.
  bool run_once(bool other) {
    const int total = options_.count * (options_.against.empty() ? 1 : 2);
    const std::string which =
        fmt::format("run {} of {}{}", ++started_, total,
                    options_.against.empty() ? "" : (other ? " (other binary)" : " (this binary)"));
    say("normbench: {}\n", which);
    std::vector<std::string> words = words_;
    if (other) words[0] = options_.against;
    const Ended ended = start_and_wait(other ? options_.against : "/proc/self/exe", words);
    const std::string folder = ended.output.substr(0, ended.output.find('\n'));
    if (!folder.empty()) (other ? of_other_ : of_this_).push_back(folder);
    if (stopped || ended.code == kInterrupted) {
      exit_code_ = kInterrupted;
      return false;
    }
    if (ended.code != kFine && ended.code != kVerificationFailed) {
      say("normbench: error: {} ended with exit code {}: no more runs\n", which, ended.code);
      exit_code_ = ended.code;
      return false;
    }
    if (folder.empty()) {
      say("normbench: error: {} printed no run folder: no more runs\n", which);
      exit_code_ = kUsage;
      return false;
    }
    if (ended.code != kFine) exit_code_ = ended.code;
    return true;
  }

  int conclude() const {
    for (const std::string& folder : of_other_) out("{}\n", folder);
    if (!of_other_.empty()) out("--\n");
    for (const std::string& folder : of_this_) out("{}\n", folder);
    return exit_code_;
  }

  std::vector<std::string> words_;
  const RepeatOptions& options_;
  std::vector<std::string> of_other_, of_this_;
  int started_ = 0;
  int exit_code_ = kFine;
};

}  // namespace

bool has_repeats(const CommandLine& command) {
  return command.words.size() > 1 && command.words[1] == "run" &&
         without_repeats(command.words).size() != command.words.size();
}

void check_other_binary(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw UsageError(fmt::format("--against {}: there is no such file", path));
  }
  if (!std::filesystem::is_regular_file(status) || access(path.c_str(), X_OK) != 0) {
    throw UsageError(
        fmt::format("--against {}: is no program: name the normbench to compare with", path));
  }
}

int make_runs(const CommandLine& command, const RepeatOptions& options) {
  return Repetition(command, options).run();
}

}  // namespace normbench
