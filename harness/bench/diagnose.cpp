// What makes measurements on a machine less sure, and what to do about it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string>
#include <string_view>

#include "harness/bench/machine.h"

namespace normbench {
namespace {

using Severity = Finding::Severity;
using Findings = std::vector<Finding>;
using Environment = std::map<std::string, std::string>;

constexpr double kBusyLoad = 0.3;  // programs per CPU
constexpr double kMuchStolen = 0.01;
constexpr double kGibi = 1024.0 * 1024.0 * 1024.0;
constexpr double kLittleMemory = 2 * kGibi;

std::string cpus(int count) { return fmt::format("{} CPU{}", count, count == 1 ? "" : "s"); }

void judge_quota(const Machine& machine, Findings& findings) {
  if (!machine.cpu_quota || *machine.cpu_quota >= machine.affinity) return;
  const bool refused = *machine.cpu_quota < 1;
  findings.push_back(
      {refused ? Severity::kRefusal : Severity::kWarning,
       fmt::format("the cgroup grants the time of {:.2f} CPUs on {}", *machine.cpu_quota,
                   cpus(machine.affinity)),
       fmt::format("{}lift the quota (docker: drop --cpus, Kubernetes: limits.cpu, systemd: "
                   "CPUQuota=) and choose CPUs instead: docker run --cpuset-cpus=0{}",
                   refused ? "samples would span the pauses of the quota: "
                           : fmt::format("keep to at most {} thread{}, or ", machine.cores,
                                         machine.cores == 1 ? "" : "s"),
                   machine.cores > 1 ? fmt::format("-{}", machine.cores - 1) : "")});
}

void judge_build(const Build& build, Findings& findings) {
  const std::string remedy = "use the binary of ./scripts/build: build/release/normbench";
  if (build.type != "Release") {
    findings.push_back(
        {Severity::kWarning, fmt::format("this is a build of type {}", build.type), remedy});
  }
  for (const char* flag : {"-fsanitize", "--coverage", "-fprofile", "-O0"}) {
    if (build.flags.find(flag) == std::string::npos) continue;
    findings.push_back(
        {Severity::kWarning, fmt::format("this build has {} in its flags", flag), remedy});
  }
}

void judge_neighbors(const Machine& machine, Findings& findings) {
  if (machine.load[0] > kBusyLoad * machine.online) {
    findings.push_back(
        {Severity::kWarning,
         fmt::format("load average is {:.2f} on {}", machine.load[0], cpus(machine.online)),
         "wait a minute or two (what has just ended still counts), or stop other programs: see "
         "top"});
  }
  if (machine.stolen_share > kMuchStolen) {
    findings.push_back(
        {Severity::kWarning,
         fmt::format("the hypervisor has taken {:.1f}% of the CPU time away since boot",
                     100 * machine.stolen_share),
         "use a machine with dedicated CPUs, or repeat the run and trust only what agrees"});
  }
  if (machine.virtualized) {
    findings.push_back(
        {Severity::kNote, "this is a virtual machine: its hardware may be shared with others",
         "for results to publish use bare metal or dedicated CPUs; here watch the A/A noise floor "
         "and stolen time (st in vmstat 1)"});
  }
  if (machine.physical_cores < machine.affinity) {
    findings.push_back(
        {Severity::kNote,
         fmt::format("{} are hardware threads (SMT) of {} cores: pairs share caches and units",
                     cpus(machine.affinity), machine.physical_cores),
         fmt::format("measure with at most {} threads, one per core: taskset -c with one CPU of "
                     "each core (lscpu -e shows them) before normbench",
                     machine.physical_cores)});
  }
}

void judge_clock(const Machine& machine, Findings& findings) {
  if (machine.governor && *machine.governor != "performance") {
    findings.push_back({Severity::kWarning,
                        fmt::format("the frequency governor is {}", *machine.governor),
                        "sudo cpupower frequency-set -g performance"});
  }
  if (machine.boost.value_or(false)) {
    findings.push_back(
        {Severity::kNote, "turbo (boost) is on: the clock depends on temperature and load",
         "for steadier numbers: echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, "
         "or where that is missing: echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"});
  }
}

void judge_memory(const Machine& machine, Findings& findings) {
  const double available = static_cast<double>(machine.available_bytes);
  if (available > 0 && available < kLittleMemory) {
    findings.push_back({Severity::kWarning,
                        fmt::format("only {:.2f} GiB of memory are available", available / kGibi),
                        "stop other programs, raise the memory limit of the container, or leave "
                        "large cases out with -F"});
  }
  if (machine.huge_pages == "always" || machine.huge_pages == "never") {
    findings.push_back({Severity::kNote,
                        fmt::format("transparent huge pages are set to {}", machine.huge_pages),
                        "compare only with runs of the same setting, or: echo madvise | sudo tee "
                        "/sys/kernel/mm/transparent_hugepage/enabled"});
  }
}

std::string lowercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// A variable with which one contestant is not what it is without, or with which all allocate
// differently.
struct Handicap {
  std::string_view name;  // how it begins
  std::string_view effect;
};

constexpr std::array kHandicaps = {
    Handicap{"DNNL_VERBOSE", "oneDNN prints while it is timed"},
    Handicap{"ONEDNN_VERBOSE", "oneDNN prints while it is timed"},
    Handicap{"DNNL_MAX_CPU_ISA", "oneDNN uses fewer instructions than the CPU has"},
    Handicap{"ONEDNN_MAX_CPU_ISA", "oneDNN uses fewer instructions than the CPU has"},
    Handicap{"DNNL_CPU_ISA_HINTS", "oneDNN chooses other instructions"},
    Handicap{"ONEDNN_CPU_ISA_HINTS", "oneDNN chooses other instructions"},
    Handicap{"DNNL_JIT_", "oneDNN writes what it generates to files"},
    Handicap{"ONEDNN_JIT_", "oneDNN writes what it generates to files"},
    Handicap{"DNNL_DEFAULT_FPMATH_MODE", "oneDNN computes in fewer digits"},
    Handicap{"ONEDNN_DEFAULT_FPMATH_MODE", "oneDNN computes in fewer digits"},
    Handicap{"ATEN_CPU_CAPABILITY", "PyTorch uses other instructions than the CPU has"},
    Handicap{"TORCH_SHOW_", "PyTorch prints while it is timed"},
    Handicap{"MKL_VERBOSE", "MKL prints while it is timed"},
    Handicap{"MKL_ENABLE_INSTRUCTIONS", "MKL uses fewer instructions than the CPU has"},
    Handicap{"OMP_DISPLAY_AFFINITY", "OpenMP prints while contestants are timed"},
    Handicap{"OMP_WAIT_POLICY", "idle threads of OpenMP wait differently, and tax or slow others"},
    Handicap{"GLIBC_TUNABLES", "the C library allocates or copies differently"},
    Handicap{"MALLOC_", "the C library allocates differently"},
    Handicap{"LD_PRELOAD", "code that is not part of this build takes part"},
};

void judge_handicaps(const Environment& environment, Findings& findings) {
  for (const auto& [name, value] : environment) {
    for (const Handicap& handicap : kHandicaps) {
      if (!name.starts_with(handicap.name) || value.empty() || value == "0") continue;
      findings.push_back({Severity::kWarning,
                          fmt::format("{}={}: {}", name, value, handicap.effect),
                          fmt::format("unset {}", name)});
    }
  }
}

// Cases set their numbers of threads through the interface of each library, so variables that
// interfere are oddities, not errors.
void judge_environment(const Machine& machine, const Environment& environment, Findings& findings) {
  const auto note = [&](const char* name, const char* effect) {
    findings.push_back({Severity::kNote,
                        fmt::format("{}={}: {}", name, environment.at(name), effect),
                        fmt::format("unset {}", name)});
  };
  const auto value = [&environment](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : lowercase(found->second);
  };
  const std::string threads = value("OMP_NUM_THREADS");
  if (!threads.empty() && threads != fmt::format("{}", machine.cores)) {
    note("OMP_NUM_THREADS", "cases choose their threads, libraries may size their pools by this");
  }
  const std::string limit = value("OMP_THREAD_LIMIT");
  if (!limit.empty() && std::atoi(limit.c_str()) < machine.cores) {
    note("OMP_THREAD_LIMIT", "cases with more threads run with fewer than their name says");
  }
  if (value("OMP_DYNAMIC") == "true" || value("OMP_DYNAMIC") == "1") {
    note("OMP_DYNAMIC", "cases may run with fewer threads than their name says");
  }
  const std::string bind = value("OMP_PROC_BIND");
  // "true" is what this program settles for itself.
  if (!bind.empty() && bind != "false" && bind != "true") {
    note("OMP_PROC_BIND",
         "OpenMP binds its threads, and the threads of other libraries inherit one CPU; to pin "
         "all alike use taskset -c");
  }
  for (const char* name : {"OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"}) {
    if (!value(name).empty() && bind != "false") {
      note(name, "binds the threads of OpenMP only; to pin all alike use taskset -c");
    }
  }
}

}  // namespace

std::map<std::string, std::string> read_environment() {
  Environment chosen;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    bool relevant = name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH" || name == "GLIBC_TUNABLES";
    for (const char* prefix :
         {"OMP_", "GOMP_", "KMP_", "LIBOMP_", "MALLOC_", "MIMALLOC_", "TCMALLOC_", "DNNL_",
          "ONEDNN_", "MKL_", "OPENBLAS_", "ATEN_", "TORCH_"}) {
      relevant = relevant || name.starts_with(prefix);
    }
    if (relevant) chosen.emplace(name, text.substr(equals + 1));
  }
  return chosen;
}

std::vector<Finding> diagnose(const Machine& machine, const Build& build,
                              const Environment& environment) {
  Findings findings;
  judge_quota(machine, findings);
  judge_build(build, findings);
  judge_neighbors(machine, findings);
  judge_clock(machine, findings);
  judge_memory(machine, findings);
  judge_handicaps(environment, findings);
  judge_environment(machine, environment, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return findings;
}

std::vector<Finding> diagnose(const Machine& machine, const Build& build) {
  return diagnose(machine, build, read_environment());
}

}  // namespace normbench
