// JSON and JSON Lines.
#include "harness/bench/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "harness/bench/bound.h"
#include "harness/bench/problem_json.h"
#include "harness/bench/run_files.h"

namespace normbench {
namespace {

using nlohmann::ordered_json;

ordered_json optional_json(const auto& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json ceilings_json(const std::vector<Ceiling>& ceilings) {
  ordered_json list = ordered_json::array();
  for (const Ceiling& ceiling : ceilings) {
    list.push_back({{"threads", ceiling.threads},
                    {"bytes", ceiling.bytes},
                    {"regime", ceiling.regime},
                    {"plain_gbs", ceiling.plain_gbs},
                    {"streaming_gbs", ceiling.streaming_gbs},
                    {"gbs", ceiling.gbs()}});
  }
  return list;
}

ordered_json backends_json(const std::vector<RecordedBackend>& backends) {
  ordered_json list = ordered_json::array();
  for (const RecordedBackend& backend : backends) {
    ordered_json entry = {{"name", backend.name}, {"built", backend.built}};
    entry[backend.built ? "version" : "reason"] = backend.built ? backend.version : backend.reason;
    if (!backend.built) entry["outcome"] = name(backend.absence);
    if (!backend.language.empty()) {
      entry["language"] = backend.language;
      entry["empty_call_ns"] = backend.empty_call_ns;
    }
    list.push_back(entry);
  }
  return list;
}

ordered_json case_json(const Case& c) {
  ordered_json line = {{"problem", id(c.problem)}, {"case", id(c)}};
  line.update(problem_fields(c.problem));
  line.update({{"threads", c.threads},
               {"cache", name(c.cache)},
               {"input", name(c.input)},
               {"then", name(c.then)},
               {"name", c.name},
               {"source", c.source}});
  return line;
}

ordered_json case_ids_json(const std::vector<Case>& cases) {
  ordered_json ids = ordered_json::array();
  for (const Case& bench_case : cases) ids.push_back(id(bench_case));
  return ids;
}

// JSON has no infinity: an error beyond all bounds is null, and the reason tells it.
ordered_json finite_or_null(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

// The worst error on each kind of input, of a row that passed.
ordered_json accuracy_json(const Verdict& verdict, InputKind input) {
  if (!verdict.passed()) return nullptr;
  ordered_json kinds = ordered_json::object();
  for (const InputKind kind : input_kinds_with(input)) {
    const Error& error = verdict.error_of[static_cast<std::size_t>(kind)];
    kinds[std::string(name(kind))] = {{"bound", finite_or_null(error.bound)},
                                      {"ulp", finite_or_null(error.ulp)}};
  }
  return kinds;
}

// How far a variance by moments is off itself on each kind of input, of a row that passed.
ordered_json variance_json(const Verdict& verdict, InputKind input) {
  if (!verdict.passed()) return nullptr;
  ordered_json kinds = ordered_json::object();
  for (const InputKind kind : input_kinds_with(input)) {
    const VarianceLoss& loss = verdict.loss_of[static_cast<std::size_t>(kind)];
    kinds[std::string(name(kind))] = {{"relative", finite_or_null(loss.relative)},
                                      {"values", loss.values},
                                      {"negative", loss.negative},
                                      {"nan", loss.not_numbers}};
  }
  return kinds;
}

ordered_json known_defect_json(const KnownDefect* defect) {
  if (defect == nullptr) return nullptr;
  return {{"what", defect->what}, {"source", defect->source}};
}

ordered_json row_json(const CaseResult& result, const Row& row, const Machine& machine,
                      const KnownDefect* defect) {
  ordered_json line = case_json(result.bench_case);
  const bool timed = !row.samples_ns.empty();
  // Controls over the rounds of this row, which may be the first ones only.
  const auto in_its_rounds = [&](const std::vector<double>& samples) {
    const std::size_t rounds = timed ? row.samples_ns.size() : samples.size();
    return std::vector<double>(
        samples.begin(),
        samples.begin() + static_cast<std::ptrdiff_t>(std::min(rounds, samples.size())));
  };
  const std::vector<double> copy = in_its_rounds(result.copy_ns);
  const std::vector<double> read = in_its_rounds(result.read_ns);
  const auto median_or_null = [](const std::vector<double>& samples) {
    return samples.empty() ? ordered_json(nullptr) : ordered_json(median(samples));
  };
  line["backend"] = row.backend;
  line["regime"] = result.regime;
  line["outcome"] = name(row.verdict.outcome);
  line["reason"] = row.verdict.reason;
  line["known_defect"] = known_defect_json(defect);
  line["detail"] = row.detail;
  line["measured"] = row.measured;
  line["native_layout"] = row.native_layout;
  line["samples_ns"] = row.samples_ns;
  line["iterations"] = timed ? row.calls_per_sample : 0;
  line["median_ns"] = median_or_null(row.samples_ns);
  line["copy_ns"] = median_or_null(copy);
  line["read_ns"] = median_or_null(read);
  line["bound_ns"] =
      copy.empty() ? ordered_json(nullptr)
                   : ordered_json(bound_ns(result.bench_case, machine, median(copy), median(read)));
  line["bytes"] = compulsory_bytes(result.bench_case.problem);
  line["error"] = finite_or_null(row.verdict.error.bound);
  line["accuracy"] = accuracy_json(row.verdict, result.bench_case.input);
  line["grade"] = row.grade == Grade::kA ? "A" : "B";
  if (row.variance != VarianceForm::kDeviations) {
    line["variance"] = name(row.variance);
    line["variance_error"] = variance_json(row.verdict, result.bench_case.input);
  }
  line["allocations"] = optional_json(row.allocations);
  line["prepare_ns"] = row.prepare_ns;
  line["load_ns"] = row.load_ns;
  line["collect_ns"] = row.collect_ns;
  line["cpus"] = row.cpus ? ordered_json(*row.cpus) : ordered_json(nullptr);
  line["remarks"] = row.remarks;
  line["preempted"] = row.preempted;
  line["faults"] = row.faults;
  return line;
}

}  // namespace

RunFolder::RunFolder(const std::filesystem::path& results, RunHeader header)
    : header_(std::move(header)), started_(now_utc("{:%Y-%m-%dT%H:%M:%SZ}")) {
  path_ = make_run_folder(results, header_.machine, header_.plan.name);
  write_run(false, false);
  samples_.open(path_ / "samples.jsonl", std::ios::binary);
  controls_.open(path_ / "controls.jsonl", std::ios::binary);
  if (!samples_) cannot_write(path_ / "samples.jsonl");
  if (!controls_) cannot_write(path_ / "controls.jsonl");
}

void RunFolder::append(const CaseResult& result) {
  for (const Row& row : result.rows) {
    const KnownDefect* defect = known_defect_of(result, row);
    write_line(samples_, path_ / "samples.jsonl", row_json(result, row, header_.machine, defect));
    if (defect != nullptr) {
      ++known_defects_[defect];
    } else if (is_failure(row.verdict.outcome)) {
      FailedRows& rows = failed_[row.backend];
      if (rows.count++ == 0) {
        rows.first_case = id(result.bench_case);
        rows.reason = fmt::format("{}: {}", name(row.verdict.outcome), row.verdict.reason);
      }
    }
    ++outcomes_[std::string(name(row.verdict.outcome))];
    if (row.backend == result.twin) {
      twins_.push_back(paired_ratio(result.twin_ns, row.samples_ns));
    }
  }
  if (result.copy_ns.empty()) return;
  write_line(controls_, path_ / "controls.jsonl",
             {{"case", id(result.bench_case)},
              {"problem", id(result.bench_case.problem)},
              {"threads", result.bench_case.threads},
              {"copy_samples_ns", result.copy_ns},
              {"copy_store", result.copy_store},
              {"read_samples_ns", result.read_ns},
              {"twin", result.twin},
              {"twin_samples_ns", result.twin_ns},
              {"check_seconds", result.check_seconds},
              {"calibrate_seconds", result.calibrate_seconds},
              {"rounds_seconds", result.rounds_seconds},
              {"order_seed", result.order_seed}});
}

const KnownDefect* RunFolder::known_defect_of(const CaseResult& result, const Row& row) const {
  const auto& all = header_.backends;
  const auto backend = std::find_if(all.begin(), all.end(), [&](const RecordedBackend& recorded) {
    return recorded.name == row.backend;
  });
  if (backend == all.end()) return nullptr;
  const KnownDefect* defect =
      known_defect(row.backend, backend->version, result.bench_case.problem);
  return defect != nullptr && defect->explains(row.verdict) ? defect : nullptr;
}

void RunFolder::warn(std::string warning) { warnings_.push_back(std::move(warning)); }

void RunFolder::finish(bool interrupted) { write_run(true, interrupted); }

void RunFolder::write_run(bool finished, bool interrupted) {
  const Plan& plan = header_.plan;
  ordered_json run = {
      {"schema", kSchema},
      {"name", plan.name},
      {"started", started_},
      {"finished", finished ? ordered_json(now_utc("{:%Y-%m-%dT%H:%M:%SZ}")) : ordered_json()},
      {"interrupted", interrupted},
      {"command", header_.command},
      {"config", {{"path", plan.path}, {"text", plan.text}, {"analysis", plan.analysis}}},
      {"machine", machine_json(header_.machine)},
      {"build", build_json(header_.build)},
      {"backends", backends_json(header_.backends)},
      {"environment", header_.environment},
      {"timing",
       {{"min_slot_ns", plan.timing.min_slot_us * 1e3},
        {"min_rounds", plan.timing.min_rounds},
        {"max_rounds", plan.timing.max_rounds},
        {"case_seconds", plan.timing.case_seconds}}},
      {"cases", plan.cases.size()},
      {"case_ids", case_ids_json(plan.cases)},
      {"budget_s", optional_json(header_.budget)},
      {"ceilings", ceilings_json(header_.ceilings)},
      {"overhead_ns", header_.overhead_ns},
      {"seed", header_.seed},
      {"warnings", warnings_}};
  if (finished) {
    const auto close = std::count_if(twins_.begin(), twins_.end(), [](const Ratio& twin) {
      return twin.low >= 0.98 && twin.high <= 1.02;
    });
    const auto cases = static_cast<double>(twins_.size());
    ordered_json noise = {{"cases", twins_.size()}, {"within_2_percent", nullptr}};
    if (cases > 0) noise["within_2_percent"] = static_cast<double>(close) / cases;
    noise["floor"] = noise_floor(twins_);
    run["noise"] = noise;
    run["outcomes"] = outcomes_;
  }
  replace_file(path_ / "run.json",
               run.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace normbench
