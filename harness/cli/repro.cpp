// normbench repro: one case on one backend, in detail. Nothing is recorded.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "harness/bench/bound.h"
#include "harness/bench/last_level.h"
#include "harness/bench/measure.h"
#include "harness/bench/statistics.h"
#include "harness/cli/contestants.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

struct ReproOptions {
  std::string bench_case;
  std::string backend;
  std::shared_ptr<ContestantOptions> contestants;
  std::uint64_t seed = 1;
};

void print(const CaseResult& result, const Row& row, const Machine& machine) {
  const auto bytes = static_cast<double>(compulsory_bytes(result.bench_case.problem));
  out("case       {}\nbackend    {}\n", id(result.bench_case), row.backend);
  out("outcome    {}{}{}\n", name(row.verdict.outcome), row.verdict.reason.empty() ? "" : ": ",
      row.verdict.reason);
  if (row.verdict.outcome == Outcome::kUnsupported) return;
  out("detail     {}{}\n", row.detail, row.native_layout ? " (native layout)" : "");
  if (!row.measured.empty()) out("measured   {}\n", row.measured);
  out("error      {:.3f} of its bound, grade {}{}\n", row.verdict.error.bound,
      row.grade == Grade::kA ? "A" : "B",
      row.variance == VarianceForm::kDeviations ? "" : ", variance by moments, which cancels");
  out("prepare    {:.1f} us\n", row.prepare_ns / 1e3);
  if (row.samples_ns.empty()) return;
  const double ns = median(row.samples_ns);
  const double copy_ns = median(result.copy_ns);
  const bool read_after = result.bench_case.then == Then::kRead;
  out("time       {:.3f} us per call{}, median of {} samples of {} calls\n", ns / 1e3,
      read_after ? " and read of its output" : "", row.samples_ns.size(), row.calls_per_sample);
  out("rate       {:.2f} GB/s of compulsory traffic ({})\n", bytes / ns, result.regime);
  out("copy       {:.3f} us for one input-sized tensor{} ({} stores)\n", copy_ns / 1e3,
      read_after ? ", which is then read" : "", result.copy_store);
  const double bound = bound_ns(result.bench_case, machine, copy_ns, median(result.read_ns));
  out("read       {:.3f} us for all that the pass reads\n", median(result.read_ns) / 1e3);
  out("bound      {:.3f} us, {:.0f}% of the time\n", bound / 1e3, 100 * bound / ns);
  out("uses       {}, {} allocations per call\n",
      row.cpus ? fmt::format("{:.2f} CPUs", *row.cpus) : "CPUs for too short to count",
      row.allocations ? fmt::format("{}", *row.allocations) : "unknown");
  for (const std::string& remark : row.remarks) out("remark     {}\n", remark);
  out("disturbed  {} preemptions, {} page faults\n", row.preempted, row.faults);
  out("samples    {:.1f} ns\n", fmt::join(row.samples_ns, " "));
}

}  // namespace

void add_repro(CLI::App& app, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "repro", "One case on one backend, checked and timed, in detail; records nothing");
  auto options = std::make_shared<ReproOptions>();
  verb->add_option("case", options->bench_case, "Case id, as list and report print it")->required();
  verb->add_option("-b,--backend", options->backend,
                   "Name of the backend, with its options if any: simd[streaming=off]")
      ->required();
  options->contestants = add_contestants(*verb, true);
  add_seed(*verb, options->seed, "Seed of inputs and order");
  verb->callback([options, &exit_code] {
    const Case bench_case = parse_case(options->bench_case);
    const MeasureOptions measure_options{
        .timing = {}, .seed = options->seed, .stop = interrupted_before};
    interrupted();
    try {
      Machine machine = read_machine();
      measure_last_level(machine);
      const CaseResult result =
          measure(bench_case, {&find_contestant(options->backend, *options->contestants)}, machine,
                  measure_options);
      print(result, result.rows.at(0), machine);
      if (is_failure(result.rows.at(0).verdict.outcome)) exit_code = kVerificationFailed;
    } catch (const Interrupted&) {
      exit_code = kInterrupted;
    }
  });
}

}  // namespace normbench
