// Options and helpers that several verbs share.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <ctime>

#include "harness/bench/order.h"
#include "harness/cli/progress.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

std::atomic<bool> signaled{false};
std::atomic<std::int64_t> signaled_ns{0};

// timeout(1) sends a signal to the process and to its group: what comes within this time is the
// same one.
constexpr std::int64_t kOneSignalNs = 20'000'000;

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void write_to_terminal(std::string_view text) {
  // Nothing else may be called here, and there is nobody to tell that it failed.
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

// The second one ends the program at once.
void on_signal(int number) {
  if (signaled.exchange(true)) {
    if (now_ns() - signaled_ns < kOneSignalNs) return;
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  signaled_ns = now_ns();
  write_to_terminal("\nnormbench: interrupted: finishing ");
  if (!present_backend().empty()) {
    write_to_terminal("a call of ");
    write_to_terminal(present_backend());
    write_to_terminal(" on ");
  }
  write_to_terminal(present_item().empty() ? "what has begun" : present_item());
  write_to_terminal("; once more stops at once\n");
}

}  // namespace

std::shared_ptr<FilterOptions> add_filters(CLI::App& verb, bool with_cases) {
  auto options = std::make_shared<FilterOptions>();
  options->warn = [](const std::string& text) { say("normbench: warning: {}\n", text); };
  const auto add = [&verb](const char* flag, std::vector<std::string>& target, const char* text) {
    verb.add_option(flag, target, text)->type_name("REGEX")->take_all()->allow_extra_args(false);
  };
  add("-b,--backend", options->backends, "Only backends whose name matches");
  add("-B,--without-backend", options->without_backends, "No backends whose name matches");
  if (with_cases) {
    add("-f,--filter", options->cases, "Only cases whose id or name matches");
    add("-F,--without", options->without_cases, "No cases whose id or name matches");
  }
  return options;
}

std::shared_ptr<PlanOptions> add_plan(CLI::App& verb) {
  auto options = std::make_shared<PlanOptions>();
  verb.add_option("config", options->path, "Config file, such as configs/quick.toml")->required();
  verb.add_option("--threads", options->threads,
                  "Thread counts to use instead of the config's, such as 1,2")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  options->filters = add_filters(verb);
  const auto add = [&](const char* flag, std::vector<std::string>& target, const char* text) {
    verb.add_option(flag, target, text)
        ->type_name("BACKEND.OPTION=VALUE")
        ->take_all()
        ->allow_extra_args(false);
  };
  add("--backend-option", options->filters->backend_options,
      "Set an option of a backend, such as simd.streaming=off (normbench list prints them)");
  add("--variant", options->filters->variants,
      "Measure a backend with this option beside the backend itself, such as simd.streaming=off");
  return options;
}

Plan load_plan(const PlanOptions& options, const Machine& machine) {
  Plan plan = read_plan(options.path, machine.cores);
  if (!options.threads.empty()) {
    std::vector<Case> cases;
    for (const Case& original : plan.cases) {
      for (const int threads : options.threads) {
        Case changed = original;
        changed.threads = threads;
        if (std::find(cases.begin(), cases.end(), changed) == cases.end()) cases.push_back(changed);
      }
    }
    plan.cases = std::move(cases);
  }
  plan.cases = mixed_order(choose_cases(std::move(plan.cases), *options.filters));
  return plan;
}

void add_seed(CLI::App& verb, std::uint64_t& seed, const char* what) {
  const auto is_seed = [](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool fine = error == std::errc() && end == text.data() + text.size();
    return fine ? "" : "must be a whole number from 0 to 2^64 - 1, but is " + text;
  };
  verb.add_option("--seed", seed, what)->capture_default_str()->check(is_seed);
}

void add_allow_known_defects(CLI::App& verb, bool& allow) {
  verb.add_flag("--allow-known-defects", allow,
                "Exit with 0, not 3, when nothing but known defects of libraries failed "
                "(harness/check/known_defects.cpp)");
}

std::string duration(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

bool interrupted() {
  static const bool installed = [] {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    return true;
  }();
  return installed && signaled;
}

bool interrupted_before(std::string_view backend) {
  set_present_backend(backend);
  return interrupted();
}

}  // namespace normbench
