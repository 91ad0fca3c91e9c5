// Who takes part: backends of this build, plugins and installed peers, each in a process of its
// own.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "harness/bench/filter.h"
#include "harness/bench/record.h"
#include "harness/core/backend.h"

namespace normbench {

struct ContestantOptions {
  std::vector<std::string> plugins;  // shared objects
  std::vector<std::string> python;   // backends in Python
  bool in_process = false;
  double timeout = 60;  // seconds
};

// --plugin and --python; with `measuring`, --in-process and --timeout as well.
std::shared_ptr<ContestantOptions> add_contestants(CLI::App& verb, bool measuring);

// The backends that pass the filter, ready to be measured, and those that could pass but are
// absent. They live as long as the program. Throws UsageError when none passes, or a plugin cannot
// be used.
struct Contestants {
  std::vector<const Backend*> backends;
  std::vector<NotBuilt> not_built;
  std::vector<NotBuilt> not_installed;

  // All at once, and without waiting, as some take seconds. Otherwise each starts when it is
  // needed.
  void start_workers() const;
  void stop_workers() const;
  // What a record says of all of them.
  std::vector<RecordedBackend> recorded() const;
};
Contestants choose_contestants(const FilterOptions& filters, const ContestantOptions& options);

// The same for who only asks what there is: backends of this build are not put into processes.
Contestants list_contestants(const FilterOptions& filters, const ContestantOptions& options);

// Those of this build and of files that pass, whatever is installed.
std::vector<const Backend*> choose_without_peers(const FilterOptions& filters,
                                                 const ContestantOptions& options);

// The one of exactly this name.
const Backend& find_contestant(const std::string& name, const ContestantOptions& options);

}  // namespace normbench
