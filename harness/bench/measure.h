// Check, time, check again: one case, all backends, in rounds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/bench/machine.h"
#include "harness/bench/plan.h"
#include "harness/check/check.h"
#include "harness/core/backend.h"

namespace normbench {

// What one backend did in one case.
struct Row {
  std::string backend = {};
  Verdict verdict = {};
  std::string detail = {};
  std::string measured = {};
  bool native_layout = false;
  Grade grade = Grade::kA;
  VarianceForm variance = VarianceForm::kDeviations;
  // Per call, one for each round from the first on; empty when not timed. Those that are clearly
  // behind have fewer than others.
  std::vector<double> samples_ns = {};
  std::int64_t calls_per_sample = 0;
  std::optional<std::int64_t> allocations = {};  // per call; nothing where they cannot be counted
  double prepare_ns = 0;
  double load_ns = 0;     // what takes the inputs into a layout of its own
  double collect_ns = 0;  // and hands the results back
  // CPU time per real time of all samples; nothing where they are too short to tell.
  std::optional<double> cpus = {};
  // What a reader of its times should know, in words.
  std::vector<std::string> remarks = {};
  std::int64_t preempted = 0;
  std::int64_t faults = 0;
};

struct CaseResult {
  Case bench_case;
  std::string regime;
  std::vector<Row> rows;
  // Of one input-sized tensor, in the same rounds; with a read of it where the case has one.
  std::vector<double> copy_ns;
  std::string copy_store;       // "plain" or "streaming"
  std::vector<double> read_ns;  // of reading all that the pass reads, in the same rounds
  std::string twin;             // the backend that was measured twice, and the second measurement
  std::vector<double> twin_ns;
  std::uint64_t cache_flushes = 0;  // before samples of a cold case
  double check_seconds = 0;      // preparing and checking all backends, and inputs for the rounds
  double calibrate_seconds = 0;  // finding out how long calls take
  double rounds_seconds = 0;     // all samples
  std::uint64_t order_seed = 0;
};

struct MeasureOptions {
  TimingOptions timing;
  std::uint64_t seed = 1;
  // Where the calls on random input take less than this, the check makes as many as that of verify.
  std::chrono::milliseconds short_check = std::chrono::milliseconds(5);
  // Asked between pieces of work, with the name of the backend that comes next, or "" for the
  // harness; true abandons the case by throwing Interrupted.
  std::function<bool(std::string_view backend)> stop = [](std::string_view) { return false; };
};

// The most memory that measuring the case takes, in bytes: all sets of buffers, what the check
// holds, and as much again as the problem moves for a backend with a layout of its own.
std::int64_t bytes_needed(const Case& bench_case);

// Measures the case with each of the backends. A backend that does not support the problem, or is
// not right about it before or after it is timed, has a row without samples. Throws std::bad_alloc.
CaseResult measure(const Case& bench_case, const std::vector<const Backend*>& backends,
                   const Machine& machine, const MeasureOptions& options);

}  // namespace normbench
