// Limits of control groups, versions 1 and 2.
#include "harness/bench/cgroup.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

namespace normbench {
namespace {

namespace fs = std::filesystem;

template <typename Value>
void lower(std::optional<Value>& least, std::optional<Value> limit) {
  if (limit && *limit > 0 && (!least || *limit < *least)) least = limit;
}

std::optional<double> share(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// "150000 100000" is 1.5 CPUs, "max 100000" no limit.
std::optional<double> parse_cpu_max(std::string_view text) {
  const auto fields = words(text);
  if (fields.empty()) return std::nullopt;
  const auto period = fields.size() > 1 ? parse_number<std::int64_t>(fields[1])
                                        : std::optional<std::int64_t>(100000);
  return share(parse_number<std::int64_t>(fields[0]), period);
}

// The folders of `group` and of all groups around it, up to `mount`. Seen from inside a container
// the group may be a path of the host that does not exist here: then `mount` itself, which is
// always last, is the container's own.
std::vector<fs::path> folders(const fs::path& mount, std::string_view group) {
  std::vector<fs::path> list = {mount};
  for (const std::string_view part : split(group, '/')) {
    if (part == "..") return {mount};  // outside of what this process can see
    if (!part.empty()) list.push_back(list.back() / part);
  }
  std::reverse(list.begin(), list.end());
  return list;
}

void read_version_2(const SystemFiles& files, std::string_view group, CgroupLimits& limits) {
  for (const char* mount : {"sys/fs/cgroup", "sys/fs/cgroup/unified"}) {
    for (const fs::path& folder : folders(mount, group)) {
      lower(limits.cpus, parse_cpu_max(files.line(folder / "cpu.max")));
      lower(limits.memory_bytes, parse_number<std::int64_t>(files.line(folder / "memory.max")));
    }
  }
}

void read_version_1_cpu(const SystemFiles& files, std::string_view group, CgroupLimits& limits) {
  for (const char* mount :
       {"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpuacct,cpu"}) {
    for (const fs::path& folder : folders(mount, group)) {
      lower(limits.cpus,
            share(parse_number<std::int64_t>(files.line(folder / "cpu.cfs_quota_us")),
                  parse_number<std::int64_t>(files.line(folder / "cpu.cfs_period_us"))));
    }
  }
}

void read_version_1_memory(const SystemFiles& files, std::string_view group, CgroupLimits& limits) {
  for (const fs::path& folder : folders("sys/fs/cgroup/memory", group)) {
    lower(limits.memory_bytes,
          parse_number<std::int64_t>(files.line(folder / "memory.limit_in_bytes")));
  }
}

}  // namespace

CgroupLimits read_cgroup_limits(const SystemFiles& files) {
  CgroupLimits limits;
  const std::string text = files.text("proc/self/cgroup");
  // "hierarchy:controllers:group", in which the group may hold colons; version 2 has "0::group".
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view group = line.substr(second + 1);
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) read_version_2(files, group, limits);
    for (const std::string_view controller : split(controllers, ',')) {
      if (controller == "cpu") read_version_1_cpu(files, group, limits);
      if (controller == "memory") read_version_1_memory(files, group, limits);
    }
  }
  return limits;
}

}  // namespace normbench
