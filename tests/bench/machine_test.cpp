// The machine as read from made-up trees of /proc and /sys.
#include "harness/bench/machine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/temporary_folder.h"

namespace normbench {
namespace {

constexpr std::int64_t kKibi = 1024;
constexpr std::int64_t kMebi = 1024 * kKibi;

// A tree of files that stands for "/".
class MachineTest : public testing::Test {
 protected:
  void write(const std::string& path, std::string_view text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  void write_cpu(int cpu, std::string_view name, std::string_view text) {
    write(fmt::format("sys/devices/system/cpu/cpu{}/{}", cpu, name), text);
  }

  void write_cache(int cpu, int index, int level, std::string_view type, std::string_view size,
                   std::string_view sharing) {
    const std::string folder = fmt::format("cache/index{}/", index);
    write_cpu(cpu, folder + "level", fmt::format("{}\n", level));
    write_cpu(cpu, folder + "type", fmt::format("{}\n", type));
    write_cpu(cpu, folder + "size", fmt::format("{}\n", size));
    write_cpu(cpu, folder + "shared_cpu_list", fmt::format("{}\n", sharing));
  }

  Machine read(const std::vector<int>& affinity = {0, 1, 2, 3}) const {
    return read_machine_at(root_, affinity);
  }

  TemporaryFolder temporary_;
  std::filesystem::path root_ = temporary_.path();
};

void expect_cache(const CacheLevel& cache, int level, std::int64_t bytes, int shared_by,
                  int instances) {
  EXPECT_EQ(cache.level, level);
  EXPECT_EQ(cache.bytes, bytes);
  EXPECT_EQ(cache.shared_by, shared_by);
  EXPECT_EQ(cache.instances, instances);
}

TEST_F(MachineTest, EmptyTreeLeavesDefaults) {
  const Machine machine = read({0, 1});
  EXPECT_EQ(machine.cpu, "unknown");
  EXPECT_EQ(machine.isa, "unknown");
  EXPECT_EQ(machine.huge_pages, "unknown");
  EXPECT_EQ(machine.online, 2);
  EXPECT_EQ(machine.affinity, 2);
  EXPECT_EQ(machine.cores, 2);
  EXPECT_EQ(machine.physical_cores, 2);
  EXPECT_FALSE(machine.cpu_quota);
  EXPECT_FALSE(machine.governor);
  EXPECT_FALSE(machine.boost);
  EXPECT_FALSE(machine.virtualized);
  EXPECT_EQ(machine.memory_bytes, 0);
  EXPECT_EQ(machine.stolen_share, 0);
  EXPECT_TRUE(machine.caches.empty());
  EXPECT_EQ(read({}).cores, 1);
  EXPECT_EQ(stolen_seconds_at(root_), 0);
  EXPECT_TRUE(diagnose(machine, Build{"Release", "", "", "", ""}, {}).empty());
}

TEST_F(MachineTest, GarbageLeavesDefaults) {
  const std::string garbage("\0\xff\n:: [ -\n99999999999999999999\n", 31);
  for (const char* path :
       {"proc/cpuinfo", "proc/meminfo", "proc/stat", "proc/loadavg", "proc/self/cgroup",
        "sys/fs/cgroup/cpu.max", "sys/fs/cgroup/memory.max", "sys/devices/system/cpu/online",
        "sys/kernel/mm/transparent_hugepage/enabled", "sys/devices/system/cpu/cpufreq/boost"}) {
    write(path, garbage);
  }
  write_cpu(0, "topology/thread_siblings_list", "0-99999999999");
  write_cache(0, 0, -1, "Data", "32K", "0");
  write_cache(0, 1, 2, "Unified", "9999999999999999K", "0");
  write_cache(0, 2, 3, "Unified", "", "0");
  write_cache(0, 3, 3, "Oddity", "32K", "0");
  std::filesystem::create_directories(root_ / "sys/devices/system/cpu/intel_pstate/no_turbo");
  const Machine machine = read({0});
  EXPECT_EQ(machine.online, 1);
  EXPECT_EQ(machine.cores, 1);
  EXPECT_EQ(machine.physical_cores, 1);
  EXPECT_EQ(machine.isa, "unknown");
  EXPECT_EQ(machine.memory_bytes, 0);
  EXPECT_EQ(machine.load[0], 0);
  EXPECT_FALSE(machine.boost);
  EXPECT_TRUE(machine.caches.empty());
}

TEST_F(MachineTest, NonNumbersAreNoLoad) {
  write("proc/loadavg", "nan inf -1 1/2 3\n");
  EXPECT_EQ(read().load, (std::array<double, 3>{0, 0, 0}));
  write("proc/loadavg", "3.20 0.05 12.00 2/89 9514\n");
  EXPECT_EQ(read().load, (std::array<double, 3>{3.20, 0.05, 12.00}));
}

TEST_F(MachineTest, Caches) {
  for (int cpu = 0; cpu < 4; ++cpu) {
    const std::string pair = cpu < 2 ? "0-1" : "2-3";
    write_cache(cpu, 0, 1, "Data", "48K", pair);
    write_cache(cpu, 1, 1, "Instruction", "32K", pair);
    write_cache(cpu, 2, 2, "Unified", "2048K", pair);
    write_cache(cpu, 3, 3, "Unified", "36M", "0-3");
    write_cpu(cpu, "topology/thread_siblings_list", pair);
  }
  const Machine machine = read();
  ASSERT_EQ(machine.caches.size(), 3u);
  expect_cache(machine.caches[0], 1, 48 * kKibi, 2, 2);
  expect_cache(machine.caches[1], 2, 2 * kMebi, 2, 2);
  expect_cache(machine.caches[2], 3, 36 * kMebi, 4, 1);
  EXPECT_EQ(machine.physical_cores, 2);
  EXPECT_EQ(last_level_bytes(machine), 36 * kMebi);
  // Hardware threads of a core share its cache: four threads have no more than two.
  EXPECT_EQ(regime(machine, 96 * kKibi, 4), "L1");
  EXPECT_EQ(regime(machine, 96 * kKibi + 1, 4), "L2");

  const Machine part = read({0, 1});  // the caches of the other pair are out of reach
  ASSERT_EQ(part.caches.size(), 3u);
  EXPECT_EQ(part.caches[1].instances, 1);
  EXPECT_EQ(part.caches[2].shared_by, 4);
  EXPECT_EQ(part.physical_cores, 1);
}

TEST_F(MachineTest, CachesOfUnequalCores) {
  for (int cpu = 0; cpu < 6; ++cpu) {
    const bool little = cpu < 4;
    write_cache(cpu, 0, 1, "Data", little ? "32K" : "64K", fmt::format("{}", cpu));
    write_cache(cpu, 2, 2, "Unified", little ? "512K" : "1M", little ? "0-3" : "4-5");
  }
  const Machine machine = read({0, 1, 2, 3, 4, 5});
  ASSERT_EQ(machine.caches.size(), 4u);
  expect_cache(machine.caches[0], 1, 64 * kKibi, 1, 2);
  expect_cache(machine.caches[1], 1, 32 * kKibi, 1, 4);
  expect_cache(machine.caches[2], 2, 1 * kMebi, 2, 1);
  expect_cache(machine.caches[3], 2, 512 * kKibi, 4, 1);
  EXPECT_EQ(regime(machine, 64 * kKibi, 1), "L1");
  EXPECT_EQ(regime(machine, 160 * kKibi, 3), "L1");  // two big ones, a little one
  EXPECT_EQ(regime(machine, 160 * kKibi + 1, 3), "L2");
  EXPECT_EQ(regime(machine, 1536 * kKibi, 2), "L2");
  EXPECT_EQ(regime(machine, 1536 * kKibi + 1, 6), "DRAM");  // only L3 is missing: there is none
  EXPECT_EQ(last_level_bytes(machine), 32 * kMebi);
}

TEST_F(MachineTest, OfflineCpusDoNotCount) {
  write("sys/devices/system/cpu/online", "0,2-3\n");
  for (int cpu = 0; cpu < 4; ++cpu) {
    write_cache(cpu, 0, 1, "Data", "32K", fmt::format("{}", cpu));
  }
  const Machine machine = read({0, 1, 2});
  EXPECT_EQ(machine.online, 3);
  EXPECT_EQ(machine.affinity, 2);
  ASSERT_EQ(machine.caches.size(), 1u);
  EXPECT_EQ(machine.caches[0].instances, 2);
  EXPECT_EQ(read({}).affinity, 3);
}

TEST_F(MachineTest, MoreThan1024Cpus) {
  write("sys/devices/system/cpu/online", "0-2047\n");
  const Machine machine = read({1500, 2047, 2048});
  EXPECT_EQ(machine.online, 2048);
  EXPECT_EQ(machine.affinity, 2);
}

TEST_F(MachineTest, OnlineFromCpuinfoWithoutSys) {
  write("proc/cpuinfo", "processor\t: 0\n\nprocessor\t: 1\n\nprocessor\t: 2\n");
  EXPECT_EQ(read({0}).online, 3);
  EXPECT_EQ(read({0}).cores, 1);
}

TEST_F(MachineTest, QuotaOfVersion2) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("sys/fs/cgroup/outer/cpu.max", "250000 100000\n");
  write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(read().cpu_quota, 2.5);
  EXPECT_EQ(read().cores, 2);
  EXPECT_EQ(read({0}).cores, 1);
  write("sys/fs/cgroup/outer/inner/cpu.max", "75000 50000\n");
  EXPECT_EQ(read().cpu_quota, 1.5);
  write("sys/fs/cgroup/outer/cpu.max", "50000 100000\n");  // what is outside limits as well
  EXPECT_EQ(read().cpu_quota, 0.5);
  EXPECT_EQ(read().cores, 1);
}

TEST_F(MachineTest, NoQuota) {
  write("proc/self/cgroup", "0::/group\n");
  write("sys/fs/cgroup/group/cpu.max", "max 100000\n");
  EXPECT_FALSE(read().cpu_quota);
  write("sys/fs/cgroup/group/cpu.max", "100000 0\n");
  EXPECT_FALSE(read().cpu_quota);
  write("sys/fs/cgroup/sibling/cpu.max", "50000 100000\n");
  EXPECT_FALSE(read().cpu_quota);
  EXPECT_EQ(read().cores, 4);
}

TEST_F(MachineTest, QuotaOfAContainer) {
  write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  write("proc/self/cgroup", "0::/\n");
  EXPECT_EQ(read().cpu_quota, 3.0);
  write("sys/elsewhere/cpu.max", "100000 100000\n");  // not a group, though the path leads there
  write("proc/self/cgroup", "0::/../../elsewhere\n");
  EXPECT_EQ(read().cpu_quota, 3.0);
  write("proc/self/cgroup", "0::/docker/path-of-the-host\n");
  EXPECT_EQ(read().cpu_quota, 3.0);
}

TEST_F(MachineTest, QuotaOfVersion1) {
  write("proc/self/cgroup", "9:memory:/a\n4:cpu,cpuacct:/a/b:c\n3:cpuset:/x\n0::/\n");
  const std::string group = "sys/fs/cgroup/cpu,cpuacct/a/b:c/";
  write(group + "cpu.cfs_quota_us", "-1\n");
  write(group + "cpu.cfs_period_us", "100000\n");
  EXPECT_FALSE(read().cpu_quota);
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "60000\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "20000\n");
  EXPECT_EQ(read().cpu_quota, 3.0);
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "10000\n");  // without its period: no limit
  EXPECT_EQ(read().cpu_quota, 3.0);
}

TEST_F(MachineTest, Memory) {
  write("proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:   8192 kB\n");
  EXPECT_EQ(read().memory_bytes, 16 * kMebi);
  EXPECT_EQ(read().available_bytes, 8 * kMebi);
  write("proc/self/cgroup", "4:memory:/a\n0::/b\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(read().memory_bytes, 16 * kMebi);
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "10485760\n");
  EXPECT_EQ(read().memory_bytes, 10 * kMebi);
  EXPECT_EQ(read().available_bytes, 8 * kMebi);
  write("sys/fs/cgroup/b/memory.max", "4194304\n");
  EXPECT_EQ(read().memory_bytes, 4 * kMebi);
  EXPECT_EQ(read().available_bytes, 4 * kMebi);
}

TEST_F(MachineTest, CpuOfX86) {
  const auto isa_of = [this](const char* flags) {
    write("proc/cpuinfo", fmt::format("model name\t: Some CPU @ 2 GHz\nflags\t\t: {}\n", flags));
    return read().isa;
  };
  EXPECT_EQ(isa_of("fpu sse2 sse4_2 avx avx2 avx512f avx512vl"), "avx512f");
  EXPECT_EQ(isa_of("fpu sse2 sse4_2 avx avx2 avx512_unrelated"), "avx2");
  EXPECT_EQ(isa_of("fpu sse2 sse4_2 avx"), "avx");
  EXPECT_EQ(isa_of("fpu sse2 sse4_2"), "sse4_2");
  EXPECT_FALSE(read().virtualized);
  EXPECT_EQ(isa_of("fpu sse2 hypervisor"), "sse2");
  EXPECT_TRUE(read().virtualized);
  EXPECT_EQ(read().cpu, "Some CPU @ 2 GHz");
}

TEST_F(MachineTest, CpuOfArm) {
  const std::string little =
      "processor\t: 0\nFeatures\t: fp asimd aes\nCPU implementer\t: 0x41\n"
      "CPU part\t: 0xd05\n\n";
  const std::string big =
      "processor\t: 1\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n"
      "CPU part\t: 0xd0b\n\n";
  write("proc/cpuinfo", little + little + big);
  EXPECT_EQ(read().cpu, "implementer 0x41 part 0xd05 + implementer 0x41 part 0xd0b");
  EXPECT_EQ(read().isa, "neon");
  write("proc/cpuinfo", big);
  EXPECT_EQ(read().isa, "sve");
}

TEST_F(MachineTest, VirtualByItsVendor) {
  write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  write("sys/class/dmi/id/product_name", "c6g.metal\n");
  EXPECT_FALSE(read().virtualized);
  write("sys/class/dmi/id/product_name", "c6g.large\n");
  EXPECT_TRUE(read().virtualized);
}

TEST_F(MachineTest, Settings) {
  write_cpu(0, "cpufreq/scaling_governor", "performance\n");
  write_cpu(1, "cpufreq/scaling_governor", "powersave\n");
  write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  write("sys/devices/system/cpu/cpufreq/boost", "1\n");
  EXPECT_EQ(read({0}).governor, "performance");
  EXPECT_EQ(read({0, 1}).governor, "performance,powersave");
  EXPECT_EQ(read().huge_pages, "madvise");
  EXPECT_EQ(read().boost, true);
  write("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  EXPECT_EQ(read().boost, false);
}

TEST_F(MachineTest, StolenTime) {
  write("proc/stat", "cpu  100 0 50 800 20 0 10 20 7 0\ncpu0 1 1 1 1 1 1 1 999 1 1\n");
  EXPECT_DOUBLE_EQ(read().stolen_share, 0.02);
  EXPECT_DOUBLE_EQ(stolen_seconds_at(root_), 20.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  write("proc/stat", "cpu  100 0 50 800\n");  // before Linux 2.6.11
  EXPECT_EQ(stolen_seconds_at(root_), 0);
}

TEST(RealMachine, IsRead) {
  const Machine machine = read_machine();
  EXPECT_GE(machine.cores, 1);
  EXPECT_LE(machine.cores, machine.affinity);
  EXPECT_LE(machine.affinity, machine.online);
  EXPECT_EQ(machine.affinity, static_cast<int>(affinity_cpus().size()));
  EXPECT_NE(machine.kernel, "unknown");
}

}  // namespace
}  // namespace normbench
