// Settings of the process, compared and put back.
#include "harness/check/process_state.h"

#include <fcntl.h>
#include <omp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cfenv>
#include <climits>
#include <clocale>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

namespace normbench {
namespace {

// Whether this thread rounds results below the smallest normal number to zero. A function of its
// own: inside of a parallel region g++ 12 forgets that a local variable is volatile.
bool flushes_to_zero() {
  volatile float tiny = std::numeric_limits<float>::min();
  volatile float half = tiny / 2;
  return !(half > 0);
}

// What any thread of OpenMP's team has left on.
struct TeamState {
  bool flushes_to_zero;
  bool rounds_otherwise;
};

// No thread does so afterwards: the next backend is not to blame.
TeamState restore_team(int rounding) {
  bool flushes = false;
  bool rounds = false;
#pragma omp parallel reduction(|| : flushes, rounds)
  {
    flushes = flushes_to_zero();
    if (flushes) std::fesetenv(FE_DFL_ENV);
    rounds = std::fegetround() != rounding;
    if (rounds) std::fesetround(rounding);
  }
  // Again, because the OpenMP of LLVM takes back what a region does to the caller's registers.
  if (flushes) std::fesetenv(FE_DFL_ENV);
  return {flushes, rounds};
}

// Not every system has traps.
int traps() {
#if defined(__GLIBC__)
  return fegetexcept();
#else
  return 0;
#endif
}

void set_traps(int wanted) {
#if defined(__GLIBC__)
  fedisableexcept(FE_ALL_EXCEPT);
  feenableexcept(wanted);
#else
  static_cast<void>(wanted);
#endif
}

// All variables as text; a digest of them is looked at each time, the text only after a change.
using Variables = std::vector<std::string>;

std::uint64_t digest_of_environment() {
  std::uint64_t digest = 0;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    digest = 31 * digest + std::hash<std::string_view>()(*variable);
  }
  return digest;
}

// Those of the last digest that was asked for.
const Variables& variables_of(std::uint64_t digest) {
  static std::uint64_t known = 0;
  static Variables variables;
  if (digest != known) {
    variables.clear();
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
      variables.emplace_back(*variable);
    }
    known = digest;
  }
  return variables;
}

void set_environment(const Variables& variables) {
  clearenv();
  for (const std::string& text : variables) {
    const std::size_t end = text.find('=');
    if (end != text.npos) setenv(text.substr(0, end).c_str(), text.c_str() + end + 1, 1);
  }
}

std::string working_directory() {
  std::array<char, PATH_MAX> path{};
  return getcwd(path.data(), path.size()) == nullptr ? "" : path.data();
}

mode_t file_mask() {
  const mode_t mask = umask(0);
  umask(mask);
  return mask;
}

constexpr std::array<int, 3> kTimers = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

bool is_set(const itimerval& timer) {
  return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

// Where the standard streams went when this was first asked.
int first_stream(int number) {
  static const std::array<int, 3> copies = {
      fcntl(0, F_DUPFD_CLOEXEC, 3), fcntl(1, F_DUPFD_CLOEXEC, 3), fcntl(2, F_DUPFD_CLOEXEC, 3)};
  return copies[static_cast<std::size_t>(number)];
}

struct stat stream(int number) {
  struct stat status {};
  if (fstat(number, &status) != 0) status = {};
  return status;
}

bool same_handler(const struct sigaction& a, const struct sigaction& b) {
  return (a.sa_flags & SA_SIGINFO) == (b.sa_flags & SA_SIGINFO) && a.sa_handler == b.sa_handler;
}

bool same_signals(const sigset_t& a, const sigset_t& b) {
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&a, number) != sigismember(&b, number)) return false;
  }
  return true;
}

}  // namespace

ProcessState::OpenMp ProcessState::open_mp() {
  omp_sched_t schedule{};
  int chunk = 0;
  omp_get_schedule(&schedule, &chunk);
  return {omp_get_max_threads(), omp_get_dynamic(), omp_get_max_active_levels(),
          static_cast<int>(schedule), chunk};
}

ProcessState::ProcessState()
    : rounding_(std::fegetround()),
      traps_(traps()),
      open_mp_(open_mp()),
      terminate_(std::get_terminate()),
      new_handler_(std::get_new_handler()),
      priority_(getpriority(PRIO_PROCESS, 0)),
      file_mask_(file_mask()),
      locale_(std::setlocale(LC_ALL, nullptr)),
      directory_(working_directory()),
      environment_(digest_of_environment()) {
  variables_of(environment_);
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked_);
  for (std::size_t i = 0; i < kTimers.size(); ++i) getitimer(kTimers[i], &timers_[i]);
  for (int number = 0; number < 3; ++number) {
    first_stream(number);
    streams_[static_cast<std::size_t>(number)] = stream(number);
  }
  CPU_ZERO(&cpus_);
  sched_getaffinity(0, sizeof(cpus_), &cpus_);
  for (int number = 1; number < kSignals; ++number) {
    sigaction(number, nullptr, &handlers_[static_cast<std::size_t>(number)]);
  }
}

std::optional<std::string> ProcessState::restore() const {
  std::string what;
  const auto add = [&what](const char* name) {
    what += what.empty() ? "left " : " and ";
    what += name;
  };
  if (std::fegetround() != rounding_) {
    std::fesetround(rounding_);
    add("the rounding mode changed");
  }
  if (traps() != traps_) {
    set_traps(traps_);
    add("floating-point traps changed");
  }
  if (open_mp() != open_mp_) {
    omp_set_num_threads(open_mp_.threads);
    omp_set_dynamic(open_mp_.dynamic);
    omp_set_max_active_levels(open_mp_.levels);
    omp_set_schedule(static_cast<omp_sched_t>(open_mp_.schedule), open_mp_.chunk);
    add("OpenMP's settings changed");
  }
  const TeamState team = restore_team(rounding_);
  if (team.flushes_to_zero) {
    std::fesetround(rounding_);
    set_traps(traps_);
    add("flush-to-zero switched on");
  } else if (team.rounds_otherwise) {
    add("the rounding mode of a thread changed");
  }
  if (restore_cpus()) add("the CPUs of the thread changed");
  if (restore_handlers()) add("a signal handler behind");
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  if (!same_signals(blocked, blocked_)) {
    pthread_sigmask(SIG_SETMASK, &blocked_, nullptr);
    add("other signals blocked");
  }
  if (restore_timers()) add("a timer running");
  if (std::get_terminate() != terminate_ || std::get_new_handler() != new_handler_) {
    std::set_terminate(terminate_);
    std::set_new_handler(new_handler_);
    add("a handler of C++ behind");
  }
  if (getpriority(PRIO_PROCESS, 0) != priority_) {
    const bool is_back = setpriority(PRIO_PROCESS, 0, priority_) == 0;
    add(is_back ? "the priority of the thread changed"
                : "the priority of the thread changed, for good: run again without it");
  }
  if (locale_ != std::setlocale(LC_ALL, nullptr)) {
    std::setlocale(LC_ALL, locale_.c_str());
    add("the locale changed");
  }
  if (working_directory() != directory_) {
    const bool is_back = chdir(directory_.c_str()) == 0;
    add(is_back ? "the working directory changed" : "the working directory changed for good");
  }
  if (file_mask() != file_mask_) {
    umask(file_mask_);
    add("the mask of new files changed");
  }
  if (digest_of_environment() != environment_) {
    set_environment(variables_of(environment_));
    add("the environment changed");
  }
  if (restore_streams()) add("a standard stream changed");
  if (what.empty()) return std::nullopt;
  return what;
}

bool ProcessState::restore_cpus() const {
  cpu_set_t now;
  CPU_ZERO(&now);
  sched_getaffinity(0, sizeof(now), &now);
  if (CPU_EQUAL(&now, &cpus_)) return false;
  sched_setaffinity(0, sizeof(cpus_), &cpus_);
  return true;
}

bool ProcessState::restore_timers() const {
  bool changed = false;
  for (std::size_t i = 0; i < kTimers.size(); ++i) {
    itimerval now{};
    getitimer(kTimers[i], &now);
    // One that was there runs down, and may be over.
    const bool same_steps = now.it_interval.tv_sec == timers_[i].it_interval.tv_sec &&
                            now.it_interval.tv_usec == timers_[i].it_interval.tv_usec;
    if (!is_set(now) || (is_set(timers_[i]) && same_steps)) continue;
    setitimer(kTimers[i], &timers_[i], nullptr);
    changed = true;
  }
  return changed;
}

bool ProcessState::restore_streams() const {
  bool changed = false;
  for (int number = 0; number < 3; ++number) {
    const struct stat now = stream(number);
    const struct stat& before = streams_[static_cast<std::size_t>(number)];
    if (now.st_dev == before.st_dev && now.st_ino == before.st_ino) continue;
    dup2(first_stream(number), number);
    changed = true;
  }
  return changed;
}

bool ProcessState::restore_handlers() const {
  bool changed = false;
  for (int number = 1; number < kSignals; ++number) {
    const struct sigaction& before = handlers_[static_cast<std::size_t>(number)];
    struct sigaction now {};
    if (sigaction(number, nullptr, &now) != 0 || same_handler(now, before)) continue;
    sigaction(number, &before, nullptr);
    changed = true;
  }
  return changed;
}

}  // namespace normbench
