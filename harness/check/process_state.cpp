// Settings of the process, compared and put back.
#include "harness/check/process_state.h"

#include <omp.h>

#include <cfenv>
#include <clocale>
#include <limits>

namespace normbench {
namespace {

// Whether this thread rounds results below the smallest normal number to zero. A function of its
// own: inside of a parallel region g++ 12 forgets that a local variable is volatile.
bool flushes_to_zero() {
  volatile float tiny = std::numeric_limits<float>::min();
  volatile float half = tiny / 2;
  return !(half > 0);
}

// Whether any thread of the team does so. None does afterwards: the next backend is not to blame.
bool left_flush_to_zero_on() {
  bool left_on = false;
#pragma omp parallel reduction(|| : left_on)
  {
    left_on = flushes_to_zero();
    if (left_on) std::fesetenv(FE_DFL_ENV);
  }
  // Again, because the OpenMP of LLVM takes back what a region does to the caller's registers.
  if (left_on) std::fesetenv(FE_DFL_ENV);
  return left_on;
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

bool same_handler(const struct sigaction& a, const struct sigaction& b) {
  return (a.sa_flags & SA_SIGINFO) == (b.sa_flags & SA_SIGINFO) && a.sa_handler == b.sa_handler;
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
      locale_(std::setlocale(LC_ALL, nullptr)) {
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
  if (left_flush_to_zero_on()) {
    std::fesetround(rounding_);
    set_traps(traps_);
    add("flush-to-zero switched on");
  }
  if (restore_cpus()) add("the CPUs of the thread changed");
  if (restore_handlers()) add("a signal handler behind");
  if (locale_ != std::setlocale(LC_ALL, nullptr)) {
    std::setlocale(LC_ALL, locale_.c_str());
    add("the locale changed");
  }
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
