// What the numbers were measured on: the machine, the build and the environment.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace normbench {

// One kind of cache; a level has several where cores differ (big.LITTLE, hybrid).
struct CacheLevel {
  int level = 1;
  std::int64_t bytes = 0;  // of one instance
  int shared_by = 1;       // CPUs that share one instance
  int instances = 1;       // that the CPUs in the affinity mask reach
};

struct Machine {
  std::string host = "unknown";
  std::string cpu = "unknown";     // model name
  std::string isa = "unknown";     // widest vector extension: "avx512f", "avx2", "neon", ...
  std::string kernel = "unknown";  // of the operating system
  int cores = 1;     // CPUs that this process may use: affinity, rounded down to the quota
  int online = 1;    // CPUs of the machine
  int affinity = 1;  // CPUs in the affinity mask
  std::optional<double> cpu_quota =
      {};                          // CPUs' worth of time that the cgroup grants; nothing: no limit
  std::int64_t memory_bytes = 0;   // of the machine or, where that is less, of the cgroup
  std::vector<CacheLevel> caches;  // data and unified caches, by level, the largest first
  std::optional<std::string> governor =
      {};                              // of the CPUs in the mask; several are joined by commas
  std::string huge_pages = "unknown";  // always, madvise, never, or unknown
  std::array<double, 3> load = {};     // averages over 1, 5 and 15 minutes
  bool virtualized = false;            // whether this is a virtual machine
  std::optional<bool> boost = {};      // whether the clock may rise above its nominal rate
  int physical_cores = 1;              // that the affinity mask reaches; less than it with SMT
  std::int64_t available_bytes = 0;    // memory that can be had without swapping; 0: unknown
  double stolen_share = 0;             // of all CPU time since boot, taken by the hypervisor
  // Of one instance of the last cache, where it was measured (last_level.h) and could be told.
  std::optional<std::int64_t> measured_last_level = {};
};

// Reads it from the system. What cannot be found out is left at its default: never throws.
Machine read_machine();

// The same from the files under `root`, which stands for "/", for a process that may run on the
// CPUs `affinity` (empty: on all). Host and kernel are not read from files. For tests.
Machine read_machine_at(const std::filesystem::path& root, const std::vector<int>& affinity);

// The CPUs that this process may run on, ascending. Where OpenMP has bound the calling thread to
// one of its places, as it does with OMP_PROC_BIND, the CPUs of all places. Empty when unknown.
std::vector<int> affinity_cpus();

// Where a working set of `bytes` lives when `threads` threads share the work: "L1", "L2", "L3" or
// "DRAM": the first level whose capacity is not exceeded. The capacity is that of the instances
// that so many threads can reach: as many as there are threads, at most all of them, the largest
// first. So a private cache counts once per thread, and a shared one once per instance. An L3
// counts with its measured size, if there is one. Where L1 or L2 is unknown, 32 KiB or 1 MiB per
// CPU stand for it; where L2 and L3 are, one L3 of 32 MiB, but a machine of which only L3 is
// unknown has none.
std::string regime(const Machine& machine, std::int64_t bytes, int threads);

// Bytes of the last-level cache that all threads together can use, by its measured size if there is
// one. At least 32 MiB where no L3 is known: some machines do not tell of their last level.
std::int64_t last_level_bytes(const Machine& machine);

// Of one instance of the last cache, as the system describes it; 0 when it does not.
std::int64_t said_last_level_bytes(const Machine& machine);

// How this program was built, from CMake.
struct Build {
  std::string type;      // "Release"
  std::string compiler;  // "GNU 12.2.0"
  std::string flags;
  std::string git;  // commit, "-dirty" when the tree had changes; "unknown" outside of git
  std::string version;
};
Build read_build();

// The variables that change how libraries thread and allocate (OMP_*, GOMP_*, KMP_*, MALLOC_*,
// DNNL_*, ONEDNN_*, ...), as set.
std::map<std::string, std::string> read_environment();

// CPU time stolen by the hypervisor from all CPUs since boot, in seconds; 0 when unknown.
double stolen_seconds();
double stolen_seconds_at(const std::filesystem::path& root);

// Something that makes measurements on this machine less sure.
struct Finding {
  enum class Severity { kNote, kWarning, kRefusal };
  Severity severity;
  std::string what;    // "load average is 3.2 on 2 CPUs"
  std::string remedy;  // "wait, or stop other programs: see top"
};

// What a careful person would change before measuring, worst first. The only refusal is a quota
// below one CPU: the process is stopped amid samples.
std::vector<Finding> diagnose(const Machine& machine, const Build& build);
// The same with given variables instead of those of the environment.
std::vector<Finding> diagnose(const Machine& machine, const Build& build,
                              const std::map<std::string, std::string>& environment);

}  // namespace normbench
