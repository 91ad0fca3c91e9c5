// Threads are started, counted and asked where they run.
#include "harness/bench/team.h"

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

namespace normbench {

int startable_threads(int wanted) {
  std::atomic<bool> over = false;
  std::vector<std::thread> others;
  try {
    while (static_cast<int>(others.size()) + 1 < wanted) {
      others.emplace_back([&over] { over.wait(false); });
    }
  } catch (const std::system_error&) {
    // As many as there are.
  }
  over = true;
  over.notify_all();
  for (std::thread& other : others) other.join();
  return static_cast<int>(others.size()) + 1;
}

Team team_of(int wanted) {
  // Threads that nobody binds come apart after a while.
  constexpr int kTries = 50;
  Team best;
  for (int attempt = 0; attempt < kTries && best.cpus < wanted; ++attempt) {
    std::vector<int> cpus(static_cast<std::size_t>(wanted), -1);
    int threads = 0;
#pragma omp parallel num_threads(wanted)
    {
#pragma omp atomic
      ++threads;
      // Long enough that all of them run at the same time, if they can.
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(200);
      while (std::chrono::steady_clock::now() < end) {
      }
      cpus[static_cast<std::size_t>(omp_get_thread_num())] = sched_getcpu();
#pragma omp barrier
    }
    std::set<int> different(cpus.begin(), cpus.end());
    different.erase(-1);
    best.threads = std::max(best.threads, threads);
    best.cpus = std::max(best.cpus, static_cast<int>(different.size()));
  }
  return best;
}

std::optional<std::string> objection_to(const Team& team, int wanted, int cpus) {
  if (team.threads < wanted) {
    return fmt::format(
        "OpenMP gives {} of {} threads: see OMP_THREAD_LIMIT, OMP_DYNAMIC, and the system's limits "
        "(ulimit -u)",
        team.threads, wanted);
  }
  if (team.cpus < std::min(wanted, cpus)) {
    return fmt::format(
        "{} threads run on {} of {} CPUs: unset OMP_PLACES, OMP_PROC_BIND and GOMP_CPU_AFFINITY, "
        "or "
        "let them name enough CPUs",
        wanted, team.cpus, cpus);
  }
  return std::nullopt;
}

}  // namespace normbench
