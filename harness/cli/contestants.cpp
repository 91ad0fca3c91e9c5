// From names, paths and installed peers to backends.
#include "harness/cli/contestants.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <set>

#include "harness/bench/errors.h"
#include "harness/bench/in_process.h"
#include "harness/cli/peers.h"
#include "harness/plugin/loader.h"
#include "harness/worker/worker_backend.h"

namespace normbench {
namespace {

namespace fs = std::filesystem;

constexpr double kLongestTimeout = 1e6;

// For as long as the program lives, so that workers end with it.
const WorkerBackend& keep(WorkerOptions options) {
  static std::list<WorkerBackend> all;
  return all.emplace_back(std::move(options));
}

std::chrono::milliseconds limit_of(const ContestantOptions& options) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * options.timeout));
}

// A file that the user named, with its worker; its name is what the worker says.
const Backend& named_file(const char* flag, const std::string& path, std::vector<std::string> words,
                          const ContestantOptions& options) {
  if (!fs::is_regular_file(path)) {
    throw UsageError(fmt::format("{} {}: there is no such file", flag, path));
  }
  const WorkerBackend& backend =
      keep({.command = {.words = std::move(words)}, .limit = limit_of(options)});
  try {
    backend.hello();
  } catch (const std::exception& error) {
    throw UsageError(fmt::format("{} {}: {}", flag, path, error.what()));
  }
  return backend;
}

const Backend& plugin_here(const std::string& path) {
  static std::list<std::unique_ptr<Backend>> all;
  try {
    return *all.emplace_back(load_plugin(path));
  } catch (const std::exception& error) {
    throw UsageError(fmt::format("--plugin {}: {}", path, error.what()));
  }
}

void refuse_equal_names(const std::vector<const Backend*>& list) {
  std::set<std::string_view> names;
  for (const auto& built : backends()) names.insert(built->name());
  for (const Backend* backend : list) {
    if (names.insert(backend->name()).second) continue;
    throw UsageError(
        fmt::format("two backends are named {}: give the plugin another name, or "
                    "remove the peer (scripts/peers --remove)",
                    backend->name()));
  }
}

std::vector<const Backend*> from_files(const ContestantOptions& options) {
  if (options.in_process && !options.python.empty()) {
    throw UsageError("--python needs a process of its own: leave --in-process out");
  }
  std::vector<const Backend*> list;
  for (const std::string& path : options.plugins) {
    list.push_back(options.in_process
                       ? &plugin_here(path)
                       : &named_file("--plugin", path, plugin_worker(path), options));
  }
  for (const std::string& path : options.python) {
    list.push_back(&named_file("--python", path, python_worker(path), options));
  }
  refuse_equal_names(list);
  return list;
}

// Of files and installed peers.
std::vector<const Backend*> others(const ContestantOptions& options) {
  std::vector<const Backend*> list = from_files(options);
  if (!options.in_process) {
    for (const Peer& peer : installed_peers()) {
      list.push_back(
          &keep({.command = peer.command, .limit = limit_of(options), .name = peer.name}));
    }
  }
  refuse_equal_names(list);
  return list;
}

std::vector<NotBuilt> missing_peers(const std::vector<const Backend*>& there) {
  std::vector<NotBuilt> missing;
  for (const std::string& name : catalogue_of_peers()) {
    const bool is_there = std::any_of(there.begin(), there.end(), [&](const Backend* backend) {
      return backend->name() == name;
    });
    if (!is_there) missing.push_back({name, fmt::format("./scripts/peers {}", name)});
  }
  return missing;
}

// Into a process of its own, unless it is there already.
const Backend* in_worker(const Backend* backend, const ContestantOptions& options) {
  const bool has_one = dynamic_cast<const WorkerBackend*>(backend) != nullptr;
  if (options.in_process || has_one || is_in_process(*backend)) return backend;
  const std::string name(backend->name());
  return &keep({.command = {.words = {"/proc/self/exe", "worker", name}},
                .limit = limit_of(options),
                .name = name});
}

}  // namespace

std::shared_ptr<ContestantOptions> add_contestants(CLI::App& verb, bool measuring) {
  auto options = std::make_shared<ContestantOptions>();
  verb.add_option("--plugin", options->plugins, "A backend in a shared object takes part, too")
      ->type_name("FILE.so")
      ->take_all()
      ->allow_extra_args(false);
  verb.add_option("--python", options->python, "A backend in Python takes part, too")
      ->type_name("FILE.py")
      ->take_all()
      ->allow_extra_args(false);
  if (!measuring) return options;
  verb.add_flag("--in-process", options->in_process,
                "No processes of their own for backends: for debuggers; a crash ends all");
  verb.add_option("--timeout", options->timeout,
                  "Seconds that an answer of a backend's process may take: a call, or the calls of "
                  "a sample")
      ->capture_default_str()
      ->check(CLI::Range(0.001, kLongestTimeout));
  return options;
}

Contestants list_contestants(const FilterOptions& filters, const ContestantOptions& options) {
  const auto more = others(options);
  const auto missing = missing_peers(more);
  Contestants chosen;
  chosen.backends = choose_backends(filters, more, missing);
  chosen.not_built = choose_absent(filters);
  chosen.not_installed = choose_absent(filters, missing);
  return chosen;
}

std::vector<const Backend*> choose_without_peers(const FilterOptions& filters,
                                                 const ContestantOptions& options) {
  return choose_backends(filters, from_files(options));
}

Contestants choose_contestants(const FilterOptions& filters, const ContestantOptions& options) {
  Contestants chosen = list_contestants(filters, options);
  for (const Backend*& backend : chosen.backends) backend = in_worker(backend, options);
  return chosen;
}

void Contestants::start_workers() const {
  for (const Backend* backend : backends) {
    if (const auto* worker = dynamic_cast<const WorkerBackend*>(backend)) worker->start();
  }
}

void Contestants::stop_workers() const {
  for (const Backend* backend : backends) {
    if (const auto* worker = dynamic_cast<const WorkerBackend*>(backend)) worker->stop();
  }
}

const Backend& find_contestant(const std::string& name, const ContestantOptions& options) {
  for (const Backend* backend : others(options)) {
    if (backend->name() == name) return *backend;
  }
  return *in_worker(&find_backend(name), options);
}

std::vector<RecordedBackend> Contestants::recorded() const {
  std::vector<RecordedBackend> list;
  for (const Backend* backend : backends) {
    RecordedBackend& recorded = list.emplace_back();
    recorded.name = backend->name();
    recorded.version = backend->version();
    if (const auto* worker = dynamic_cast<const WorkerBackend*>(backend)) {
      const Hello* const hello = worker->last_hello();
      if (hello == nullptr) continue;
      recorded.language = hello->language;
      recorded.empty_call_ns = hello->empty_call_ns;
    }
  }
  for (const NotBuilt& backend : not_built) {
    list.push_back({.name = backend.name, .built = false, .reason = backend.reason});
  }
  for (const NotBuilt& backend : not_installed) {
    list.push_back({.name = backend.name,
                    .built = false,
                    .absence = Outcome::kNotInstalled,
                    .reason = backend.reason});
  }
  return list;
}

}  // namespace normbench
