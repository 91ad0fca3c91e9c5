// normbench study: trains and measures the studies, and has their report written.
#include "harness/study/study.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "harness/bench/run_files.h"
#include "harness/bench/spelling.h"
#include "harness/bench/stopwatch.h"
#include "harness/cli/checkout.h"
#include "harness/cli/progress.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"
#include "harness/core/backend.h"
#include "harness/nn/products.h"

namespace normbench {
namespace {

using nlohmann::ordered_json;
using study::Measurement;
using study::Settings;
using study::Study;

constexpr int kStudySchema = 1;  // of study.json and its lines
constexpr int kTinySeeds = 2;

struct StudyOptions {
  std::vector<std::string> names = {};
  std::string results = "results";
  std::string backend = {};
  std::uint64_t seed = 1;
  std::optional<int> seeds = {};
  bool tiny = false;
};

std::vector<std::string> names_of_built() {
  std::vector<std::string> names;
  for (const auto& backend : backends()) names.emplace_back(backend->name());
  return names;
}

// The one that was named; else the fastest of those that have all norms.
std::string backend_for_training(const std::string& named) {
  const std::vector<std::string> built = names_of_built();
  const auto is_built = [&built](const std::string& name) {
    return std::find(built.begin(), built.end(), name) != built.end();
  };
  if (!named.empty()) {
    if (is_built(named)) return named;
    throw UsageError(fmt::format("--backend: this build has no backend '{}', there are {}", named,
                                 fmt::join(built, ", ")));
  }
  for (const char* name : {"simd", "openmp"}) {
    if (is_built(name)) return name;
  }
  return "naive";
}

std::vector<Study> chosen_studies(const std::vector<std::string>& names) {
  const auto all = study::studies();
  std::vector<std::string_view> known;
  for (const Study& each : all) known.push_back(each.name);
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = nearest(name, known);
    throw UsageError(fmt::format("there is no study '{}', {}", name,
                                 meant ? fmt::format("did you mean '{}'?", *meant)
                                       : fmt::format("there are {}", fmt::join(known, ", "))));
  }
  std::vector<Study> chosen;
  for (const Study& each : all) {
    if (names.empty() || std::find(names.begin(), names.end(), each.name) != names.end()) {
      chosen.push_back(each);
    }
  }
  return chosen;
}

class StudyRun {
 public:
  StudyRun(const StudyOptions& options, const CommandLine& command)
      : studies_(chosen_studies(options.names)),
        results_(options.results),
        machine_(read_machine()),
        data_(study::read_data(checkout() / "harness/study/data")) {
    settings_.backend = backend_for_training(options.backend);
    settings_.backends =
        options.backend.empty() ? names_of_built() : std::vector{settings_.backend};
    settings_.seed = options.seed;
    settings_.seeds = options.seeds.value_or(options.tiny ? kTinySeeds : settings_.seeds);
    settings_.threads = machine_.cores;
    settings_.tiny = options.tiny;
    ordered_json counts = ordered_json::object();
    for (const Study& each : studies_) {
      measurements_.push_back(each.measurements(settings_, data_));
      counts[each.name] = measurements_.back().size();
    }
    ordered_json versions = ordered_json::object();
    for (const auto& backend : backends()) versions[backend->name()] = backend->version();
    record_ = {{"schema", kStudySchema},
               {"started", now_utc("{:%Y-%m-%dT%H:%M:%SZ}")},
               {"finished", nullptr},
               {"interrupted", false},
               {"command", command.words},
               {"measurements", counts},
               {"seconds", ordered_json::object()},
               {"seed", settings_.seed},
               {"seeds", settings_.seeds},
               {"tiny", settings_.tiny},
               {"backend", settings_.backend},
               {"products", nn::product_library()},
               {"versions", versions},
               {"machine", machine_json(machine_)},
               {"build", build_json(read_build())}};
  }

  int run() {
    const auto folder = make_run_folder(results_, machine_, "study");
    write_record(folder);
    bool stopped = false;
    for (std::size_t at = 0; at < studies_.size() && !stopped; ++at) {
      const Stopwatch watch;
      stopped = !measure_one(studies_[at], measurements_[at], folder);
      record_["seconds"][studies_[at].name] = study::rounded(watch.seconds());
    }
    record_["finished"] = now_utc("{:%Y-%m-%dT%H:%M:%SZ}");
    record_["interrupted"] = stopped;
    write_record(folder);
    write_report(folder);
    out("{}\n", folder.string());
    if (!stopped) return kFine;
    say("normbench: interrupted; what was finished is recorded\n");
    return kInterrupted;
  }

 private:
  void write_record(const std::filesystem::path& folder) const {
    replace_file(folder / "study.json",
                 record_.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  }

  // False when it was interrupted.
  bool measure_one(const Study& study, const std::vector<Measurement>& measurements,
                   const std::filesystem::path& folder) const {
    const auto path = folder / fmt::format("{}.jsonl", study.name);
    std::ofstream file(path, std::ios::binary);
    if (!file) cannot_write(path);
    const auto count = static_cast<double>(measurements.size());
    Progress progress(measurements.size(), count);
    const auto stop = [&](std::size_t done) {
      progress.start(done, static_cast<double>(done), std::string(study.name));
      return interrupted();
    };
    return study::measure(measurements, study.timed ? 1 : settings_.threads, stop,
                          [&](const ordered_json& line) { write_line(file, path, line); });
  }

  // The measurements are worth more: without Node.js they are kept, and it says what to do.
  static void write_report(const std::filesystem::path& folder) {
    if (call_analysis({"report", "--markdown", "--html", folder.string()}) == kFine) return;
    say("normbench: warning: the report was not written: normbench report {} does it again\n",
        folder.string());
  }

  std::vector<Study> studies_;
  std::string results_;
  Machine machine_;
  study::Data data_;
  Settings settings_;
  std::vector<std::vector<Measurement>> measurements_;
  ordered_json record_;
};

}  // namespace

void add_study(CLI::App& app, const CommandLine& command, int& exit_code) {
  CLI::App* verb = app.add_subcommand(
      "study", "Train small networks to see what norms do to learning; prints the folder it wrote");
  auto options = std::make_shared<StudyOptions>();
  std::string text = "Which, by default all:";
  for (const Study& each : study::studies()) {
    text += fmt::format("\n{}: {}", each.name, each.question);
  }
  verb->add_option("study", options->names, text)->type_name("STUDY");
  verb->add_option("--results", options->results, "Folder in which the folder of the study is made")
      ->capture_default_str();
  verb->add_option("-b,--backend", options->backend,
                   "The backend that trains, and the only one whose cost is measured")
      ->type_name("BACKEND");
  add_seed(*verb, options->seed, "The first of the seeds");
  verb->add_option("--seeds", options->seeds, "How often each training is repeated; default 10")
      ->check(CLI::Range(2, 1000));
  verb->add_flag("--tiny", options->tiny,
                 "A few steps of everything: whether it works; the numbers mean nothing");
  verb->callback([options, &command, &exit_code] {
    interrupted();
    exit_code = StudyRun(*options, command).run();
  });
}

}  // namespace normbench
