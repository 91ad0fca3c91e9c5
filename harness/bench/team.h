// Whether t threads are t threads: what OpenMP makes of a request for some.
#pragma once

#include <optional>
#include <string>

namespace normbench {

// How many threads can be alive at once, of `wanted`, this one included. Less where the system
// limits them (ulimit -u, a cgroup's pids.max): OpenMP ends the process when it cannot start one.
int startable_threads(int wanted);

struct Team {
  int threads = 0;  // that take part
  int cpus = 0;     // that they run on at the same time
};

// The team that a parallel region gets that asks for `wanted`.
Team team_of(int wanted);

// What is wrong with a team for `wanted` threads on a machine where `cpus` may be used: nothing, or
// what to change.
std::optional<std::string> objection_to(const Team& team, int wanted, int cpus);

}  // namespace normbench
