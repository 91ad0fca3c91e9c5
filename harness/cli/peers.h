// Libraries that scripts/peers installs, and the programs that host backends.
#pragma once

#include <string>
#include <vector>

#include "harness/worker/process.h"

namespace normbench {

// What scripts/peers left in build/peers/NAME/peer.json.
struct Peer {
  std::string name;
  WorkerCommand command;
};

// In the order of their names. Throws UsageError when a file is damaged. The environment variable
// NORMBENCH_PEERS names another folder than build/peers of the source tree.
std::vector<Peer> installed_peers();

// Names in impls/peers.json: what there is to be installed.
std::vector<std::string> catalogue_of_peers();

// The words of the program that hosts a plugin, and of the one that hosts a backend in Python.
std::vector<std::string> plugin_worker(const std::string& path);
std::vector<std::string> python_worker(const std::string& path);

}  // namespace normbench
