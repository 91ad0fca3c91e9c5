// Regimes, the diagnosis, and the environment.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/bench/machine.h"

namespace normbench {
namespace {

constexpr std::int64_t kKibi = 1024;
constexpr std::int64_t kMebi = 1024 * kKibi;
constexpr std::int64_t kGibi = 1024 * kMebi;

Machine two_cores() {
  Machine machine;
  machine.affinity = machine.cores = machine.online = machine.physical_cores = 2;
  machine.caches = {{1, 32 * kKibi, 1, 2}, {2, kMebi, 1, 2}, {3, 32 * kMebi, 2, 1}};
  return machine;
}

TEST(Regime, BoundariesAtOneThread) {
  const Machine machine = two_cores();
  EXPECT_EQ(regime(machine, 0, 1), "L1");
  EXPECT_EQ(regime(machine, 32 * kKibi, 1), "L1");
  EXPECT_EQ(regime(machine, 32 * kKibi + 1, 1), "L2");
  EXPECT_EQ(regime(machine, kMebi, 1), "L2");
  EXPECT_EQ(regime(machine, kMebi + 1, 1), "L3");
  EXPECT_EQ(regime(machine, 32 * kMebi, 1), "L3");
  EXPECT_EQ(regime(machine, 32 * kMebi + 1, 1), "DRAM");
  EXPECT_EQ(regime(machine, 32 * kKibi + 1, 0), "L2");
}

TEST(Regime, BoundariesAtTwoThreads) {
  const Machine machine = two_cores();
  for (const int threads : {2, 64}) {  // more threads than caches have no more caches
    EXPECT_EQ(regime(machine, 64 * kKibi, threads), "L1");
    EXPECT_EQ(regime(machine, 64 * kKibi + 1, threads), "L2");
    EXPECT_EQ(regime(machine, 2 * kMebi, threads), "L2");
    EXPECT_EQ(regime(machine, 2 * kMebi + 1, threads), "L3");
    EXPECT_EQ(regime(machine, 32 * kMebi, threads), "L3");
    EXPECT_EQ(regime(machine, 32 * kMebi + 1, threads), "DRAM");
  }
}

TEST(Regime, SeveralLastLevels) {
  Machine machine = two_cores();
  machine.caches[2].instances = 4;
  EXPECT_EQ(regime(machine, 32 * kMebi + 1, 1), "DRAM");
  EXPECT_EQ(regime(machine, 64 * kMebi, 2), "L3");
  EXPECT_EQ(regime(machine, 128 * kMebi + 1, 64), "DRAM");
  EXPECT_EQ(last_level_bytes(machine), 128 * kMebi);
}

TEST(Regime, UnknownCaches) {
  Machine machine = two_cores();
  machine.caches.clear();
  EXPECT_EQ(regime(machine, 32 * kKibi, 1), "L1");
  EXPECT_EQ(regime(machine, 64 * kKibi + 1, 2), "L2");
  EXPECT_EQ(regime(machine, 2 * kMebi + 1, 2), "L3");
  EXPECT_EQ(regime(machine, 32 * kMebi + 1, 2), "DRAM");
  EXPECT_EQ(last_level_bytes(machine), 32 * kMebi);
  machine.caches = {{1, 64 * kKibi, 1, 2}};
  EXPECT_EQ(regime(machine, 64 * kKibi, 1), "L1");
  EXPECT_EQ(regime(machine, 2 * kMebi, 2), "L2");
  EXPECT_EQ(regime(machine, 32 * kMebi, 1), "L3");
  EXPECT_EQ(last_level_bytes(machine), 32 * kMebi);
  machine.caches = {{3, 8 * kMebi, 2, 1}};
  EXPECT_EQ(regime(machine, 8 * kMebi, 1), "L3");
  EXPECT_EQ(regime(machine, 8 * kMebi + 1, 1), "DRAM");
  EXPECT_EQ(last_level_bytes(machine), 8 * kMebi);
}

using Severity = Finding::Severity;

Build build(const std::string& type, const std::string& flags) {
  return {.type = type, .compiler = "GNU", .flags = flags, .git = "abc1234", .version = "1"};
}

Build good_build() { return build("Release", "-O3 -DNDEBUG"); }

// The severity of the finding that has `words`, if there is one.
std::optional<Severity> find(const std::vector<Finding>& findings, std::string_view words) {
  for (const Finding& finding : findings) {
    EXPECT_FALSE(finding.remedy.empty()) << finding.what;
    if (finding.what.find(words) != std::string::npos) return finding.severity;
  }
  return std::nullopt;
}

TEST(Diagnosis, NothingWrong) {
  Machine machine = two_cores();
  machine.governor = "performance";
  machine.huge_pages = "madvise";
  machine.boost = false;
  machine.load = {0.6, 9, 9};
  machine.cpu_quota = 2;
  machine.available_bytes = 2 * kGibi;
  machine.stolen_share = 0.01;
  EXPECT_TRUE(diagnose(machine, good_build(), {{"OMP_NUM_THREADS", "2"}}).empty());
}

TEST(Diagnosis, Quota) {
  Machine machine = two_cores();
  machine.cpu_quota = 0.99;
  EXPECT_EQ(find(diagnose(machine, good_build(), {}), "0.99 CPUs"), Severity::kRefusal);
  machine.cpu_quota = 1;
  EXPECT_EQ(find(diagnose(machine, good_build(), {}), "1.00 CPUs on 2 CPUs"), Severity::kWarning);
}

TEST(Diagnosis, Warnings) {
  Machine machine = two_cores();
  machine.load = {0.61, 0, 0};
  machine.governor = "powersave";
  machine.available_bytes = 2 * kGibi - 1;
  machine.stolen_share = 0.011;
  const auto findings = diagnose(machine, build("Debug", "-fsanitize=address"), {});
  for (const char* words : {"load average is 0.61 on 2 CPUs", "governor is powersave", "memory",
                            "1.1% of the CPU time", "type Debug", "-fsanitize"}) {
    EXPECT_EQ(find(findings, words), Severity::kWarning) << words;
  }
  EXPECT_EQ(findings.size(), 6u);
}

TEST(Diagnosis, Notes) {
  Machine machine = two_cores();
  machine.physical_cores = 1;
  machine.virtualized = true;
  machine.boost = true;
  machine.huge_pages = "always";
  const auto findings =
      diagnose(machine, good_build(),
               {{"OMP_NUM_THREADS", "1"}, {"OMP_DYNAMIC", "TRUE"}, {"OMP_PROC_BIND", "close"}});
  for (const char* words : {"SMT", "virtual machine", "turbo", "huge pages are set to always",
                            "OMP_NUM_THREADS=1", "OMP_DYNAMIC=TRUE", "OMP_PROC_BIND=close"}) {
    EXPECT_EQ(find(findings, words), Severity::kNote) << words;
  }
  EXPECT_EQ(findings.size(), 7u);
}

// What slows, limits or changes one contestant is named.
TEST(Diagnosis, WarnsOfHandicaps) {
  for (const auto& [name, value] : {std::pair{"DNNL_VERBOSE", "1"},
                                    {"ONEDNN_MAX_CPU_ISA", "SSE41"},
                                    {"ATEN_CPU_CAPABILITY", "default"},
                                    {"OMP_WAIT_POLICY", "passive"},
                                    {"MALLOC_ARENA_MAX", "1"},
                                    {"LD_PRELOAD", "libother.so"}}) {
    const auto findings = diagnose(two_cores(), good_build(), {{name, value}});
    EXPECT_EQ(find(findings, std::string(name) + "=" + value), Severity::kWarning) << name;
  }
  EXPECT_TRUE(diagnose(two_cores(), good_build(), {{"DNNL_VERBOSE", "0"}}).empty());
}

TEST(Diagnosis, WorstFirst) {
  Machine machine = two_cores();
  machine.virtualized = true;
  machine.load = {5, 0, 0};
  machine.cpu_quota = 0.5;
  machine.governor = "ondemand";
  const auto findings = diagnose(machine, good_build(), {{"OMP_DYNAMIC", "1"}});
  EXPECT_EQ(findings.front().severity, Severity::kRefusal);
  EXPECT_EQ(findings.back().severity, Severity::kNote);
  EXPECT_TRUE(
      std::is_sorted(findings.begin(), findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; }));
}

TEST(Environment, KeepsWhatMatters) {
  setenv("OMP_NORMBENCH_TEST", "a=b", 1);
  setenv("NORMBENCH_SECRET", "x", 1);
  const auto environment = read_environment();
  unsetenv("OMP_NORMBENCH_TEST");
  unsetenv("NORMBENCH_SECRET");
  ASSERT_TRUE(environment.contains("OMP_NORMBENCH_TEST"));
  EXPECT_EQ(environment.at("OMP_NORMBENCH_TEST"), "a=b");
  EXPECT_FALSE(environment.contains("NORMBENCH_SECRET"));
}

}  // namespace
}  // namespace normbench
