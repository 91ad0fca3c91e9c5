// What the control groups (containers, systemd) grant this process.
#pragma once

#include <cstdint>
#include <optional>

#include "harness/bench/system_files.h"

namespace normbench {

struct CgroupLimits {
  std::optional<double> cpus;                // time per time
  std::optional<std::int64_t> memory_bytes;  // may exceed the memory of the machine
};

// The least that the process's group and the groups around it grant, in versions 1 and 2.
CgroupLimits read_cgroup_limits(const SystemFiles& files);

}  // namespace normbench
