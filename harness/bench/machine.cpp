// Reads the machine from /proc and /sys.
#include "harness/bench/machine.h"

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "harness/bench/cgroup.h"
#include "harness/bench/system_files.h"

namespace normbench {
namespace {

constexpr std::int64_t kLargestCache = std::int64_t{1} << 40;  // beyond it a size is garbage

std::string cpu_file(int cpu, std::string_view name) {
  return fmt::format("sys/devices/system/cpu/cpu{}/{}", cpu, name);
}

std::vector<int> online_cpus(const SystemFiles& files, const std::vector<int>& affinity,
                             std::string_view cpuinfo) {
  std::vector<int> online = parse_cpu_list(files.line("sys/devices/system/cpu/online"));
  if (!online.empty()) return online;
  for (const std::string_view line : split(cpuinfo, '\n')) {
    if (!line.starts_with("processor")) continue;
    const auto cpu = parse_number<int>(value_of(line, "processor"));
    if (cpu && *cpu >= 0) online.push_back(*cpu);
  }
  return online.empty() ? affinity : online;
}

// fmt::join() draws a false warning from g++ 12.
template <typename Texts>
std::string join(const Texts& texts, std::string_view separator) {
  std::string all;
  for (const std::string& text : texts) {
    if (!all.empty()) all += separator;
    all += text;
  }
  return all;
}

// Arm and others have no model name: their numbers, of all kinds of cores.
std::string read_cpu(std::string_view cpuinfo) {
  const std::string_view model = value_of(cpuinfo, "model name");
  if (!model.empty()) return std::string(model);
  std::vector<std::string> kinds;
  std::string_view implementer;
  for (const std::string_view line : split(cpuinfo, '\n')) {
    if (line.starts_with("CPU implementer")) implementer = value_of(line, "CPU implementer");
    if (!line.starts_with("CPU part")) continue;
    std::string kind =
        fmt::format("implementer {} part {}", implementer, value_of(line, "CPU part"));
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  return kinds.empty() ? "unknown" : join(kinds, " + ");
}

std::string read_isa(std::string_view cpuinfo) {
  for (const char* key : {"flags", "Features"}) {
    const auto flags = words(value_of(cpuinfo, key));
    for (const char* isa : {"avx512f", "avx2", "avx", "sse4_2", "sse2", "sve", "asimd", "neon"}) {
      if (std::find(flags.begin(), flags.end(), isa) == flags.end()) continue;
      return isa == std::string_view("asimd") ? "neon" : isa;
    }
  }
  return "unknown";
}

bool read_virtualized(const SystemFiles& files, std::string_view cpuinfo) {
  const auto flags = words(value_of(cpuinfo, "flags"));
  if (std::find(flags.begin(), flags.end(), "hypervisor") != flags.end()) return true;
  if (files.exists("sys/hypervisor/type") || files.exists("proc/device-tree/hypervisor")) {
    return true;
  }
  const std::string product = files.line("sys/class/dmi/id/product_name");
  if (product.find("metal") != std::string::npos) return false;  // whole machines of a cloud
  const std::string name = files.line("sys/class/dmi/id/sys_vendor") + " " + product;
  for (const char* word : {"QEMU", "KVM", "VMware", "VirtualBox", "Virtual Machine", "Xen", "Bochs",
                           "Parallels", "Amazon EC2", "Google Compute Engine", "OpenStack"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

std::vector<CacheLevel> read_caches(const SystemFiles& files, const std::vector<int>& cpus) {
  // An instance is known by the CPUs that share it; kinds are ordered as the result.
  using Instances = std::set<std::vector<int>>;
  std::map<std::tuple<int, std::int64_t, std::size_t>, Instances> kinds;
  for (const int cpu : cpus) {
    for (int index = 0; index < 8; ++index) {
      const auto line = [&](const char* name) {
        return files.line(cpu_file(cpu, fmt::format("cache/index{}/{}", index, name)));
      };
      const auto level = parse_number<int>(line("level"));
      const auto bytes = parse_size(line("size"));
      const std::string type = line("type");
      if (!level || !bytes || *level < 1 || *bytes == 0 || *bytes > kLargestCache) continue;
      if (type != "Data" && type != "Unified") continue;
      std::vector<int> sharing = parse_cpu_list(line("shared_cpu_list"));
      if (sharing.empty()) sharing = {cpu};
      kinds[{*level, -*bytes, sharing.size()}].insert(std::move(sharing));
    }
  }
  std::vector<CacheLevel> caches;
  for (const auto& [kind, instances] : kinds) {
    const auto& [level, negative_bytes, shared_by] = kind;
    caches.push_back({.level = level,
                      .bytes = -negative_bytes,
                      .shared_by = static_cast<int>(shared_by),
                      .instances = static_cast<int>(instances.size())});
  }
  return caches;
}

int count_physical_cores(const SystemFiles& files, const std::vector<int>& cpus) {
  std::set<int> first_siblings;
  for (const int cpu : cpus) {
    const auto siblings =
        parse_cpu_list(files.line(cpu_file(cpu, "topology/thread_siblings_list")));
    first_siblings.insert(siblings.empty() ? cpu : siblings.front());
  }
  return std::max(1, static_cast<int>(first_siblings.size()));
}

std::optional<std::string> read_governor(const SystemFiles& files, const std::vector<int>& cpus) {
  std::set<std::string> governors;
  for (const int cpu : cpus) {
    governors.insert(files.line(cpu_file(cpu, "cpufreq/scaling_governor")));
  }
  governors.erase("");
  if (governors.empty()) return std::nullopt;
  return join(governors, ",");
}

std::optional<bool> read_boost(const SystemFiles& files) {
  const std::string no_turbo = files.line("sys/devices/system/cpu/intel_pstate/no_turbo");
  if (no_turbo == "0" || no_turbo == "1") return no_turbo == "0";
  const std::string boost = files.line("sys/devices/system/cpu/cpufreq/boost");
  if (boost == "0" || boost == "1") return boost == "1";
  return std::nullopt;
}

// "always [madvise] never": the one in brackets.
std::string read_huge_pages(const SystemFiles& files) {
  const std::string line = files.line("sys/kernel/mm/transparent_hugepage/enabled");
  for (const std::string_view word : words(line)) {
    if (word.size() > 2 && word.starts_with('[') && word.ends_with(']')) {
      return std::string(word.substr(1, word.size() - 2));
    }
  }
  return "unknown";
}

std::array<double, 3> read_load(const SystemFiles& files) {
  std::array<double, 3> load = {};
  const std::string line = files.line("proc/loadavg");
  const auto fields = words(line);
  for (std::size_t i = 0; i < std::min(load.size(), fields.size()); ++i) {
    const double average = parse_number<double>(fields[i]).value_or(0);
    if (std::isfinite(average) && average >= 0) load[i] = average;
  }
  return load;
}

void read_memory(const SystemFiles& files, std::optional<std::int64_t> limit, Machine& machine) {
  const std::string meminfo = files.text("proc/meminfo");
  const auto bytes = [&](std::string_view key) {
    const auto fields = words(value_of(meminfo, key));  // "16384 kB"
    return fields.empty() ? 0 : parse_size(fmt::format("{}K", fields[0])).value_or(0);
  };
  machine.memory_bytes = bytes("MemTotal");
  machine.available_bytes = bytes("MemAvailable");
  for (std::int64_t* amount : {&machine.memory_bytes, &machine.available_bytes}) {
    if (limit && *amount > *limit) *amount = *limit;
  }
}

struct CpuTicks {
  double stolen = 0;
  double all = 0;
};

// "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; the last two are parts
// of the first two.
CpuTicks read_ticks(const SystemFiles& files) {
  CpuTicks ticks;
  const std::string line = files.line("proc/stat");
  const auto fields = words(line);
  if (fields.size() < 9 || fields[0] != "cpu") return {};
  for (std::size_t i = 1; i <= 8; ++i) {
    const auto count = parse_number<std::uint64_t>(fields[i]);
    if (!count) return {};
    ticks.all += static_cast<double>(*count);
    ticks.stolen = static_cast<double>(*count);
  }
  return ticks;
}

// Asks with ever larger masks: the size of the kernel's own is not known.
std::vector<int> bound_cpus() {
  for (std::size_t limit = 1024; limit <= (std::size_t{1} << 20); limit *= 2) {
    cpu_set_t* mask = CPU_ALLOC(limit);
    if (mask == nullptr) return {};
    const std::size_t size = CPU_ALLOC_SIZE(limit);
    std::vector<int> cpus;
    if (sched_getaffinity(0, size, mask) == 0) {
      for (std::size_t cpu = 0; cpu < limit; ++cpu) {
        if (CPU_ISSET_S(cpu, size, mask)) cpus.push_back(static_cast<int>(cpu));
      }
    }
    CPU_FREE(mask);
    if (!cpus.empty() || errno != EINVAL) return cpus;
  }
  return {};
}

}  // namespace

std::vector<int> affinity_cpus() {
  const std::vector<int> bound = bound_cpus();
  std::set<int> cpus(bound.begin(), bound.end());
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> members(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, members.data());
    cpus.insert(members.begin(), members.end());
  }
  return {cpus.begin(), cpus.end()};
}

Machine read_machine_at(const std::filesystem::path& root, const std::vector<int>& affinity) {
  const SystemFiles files(root);
  const std::string cpuinfo = files.text("proc/cpuinfo");
  const std::vector<int> online = online_cpus(files, affinity, cpuinfo);
  std::vector<int> cpus;
  std::copy_if(affinity.begin(), affinity.end(), std::back_inserter(cpus), [&online](int cpu) {
    return std::find(online.begin(), online.end(), cpu) != online.end();
  });
  if (cpus.empty()) cpus = online;
  const CgroupLimits limits = read_cgroup_limits(files);
  const CpuTicks ticks = read_ticks(files);

  Machine machine;
  machine.cpu = read_cpu(cpuinfo);
  machine.isa = read_isa(cpuinfo);
  machine.online = std::max(1, static_cast<int>(online.size()));
  machine.affinity = std::max(1, static_cast<int>(cpus.size()));
  machine.cpu_quota = limits.cpus;
  machine.cores = machine.affinity;
  if (limits.cpus && *limits.cpus < machine.affinity) {
    machine.cores = std::max(1, static_cast<int>(*limits.cpus));
  }
  read_memory(files, limits.memory_bytes, machine);
  machine.caches = read_caches(files, cpus);
  machine.governor = read_governor(files, cpus);
  machine.huge_pages = read_huge_pages(files);
  machine.load = read_load(files);
  machine.virtualized = read_virtualized(files, cpuinfo);
  machine.boost = read_boost(files);
  machine.physical_cores = count_physical_cores(files, cpus);
  machine.stolen_share = ticks.all > 0 ? ticks.stolen / ticks.all : 0;
  return machine;
}

Machine read_machine() {
  Machine machine = read_machine_at("/", affinity_cpus());
  utsname names = {};
  if (uname(&names) == 0) {
    machine.host = names.nodename;
    machine.kernel = fmt::format("{} {}", names.sysname, names.release);
  }
  return machine;
}

double stolen_seconds_at(const std::filesystem::path& root) {
  const long ticks_per_second = sysconf(_SC_CLK_TCK);
  if (ticks_per_second <= 0) return 0;
  return read_ticks(SystemFiles(root)).stolen / static_cast<double>(ticks_per_second);
}

double stolen_seconds() { return stolen_seconds_at("/"); }

}  // namespace normbench
