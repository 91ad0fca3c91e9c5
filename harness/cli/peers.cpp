// peer.json, peers.json, and programs beside this one.
#include "harness/cli/peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "harness/bench/errors.h"
#include "source_dir.h"

namespace normbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kSource = NORMBENCH_SOURCE_DIR;

fs::path folder_of_peers() {
  const char* const named = std::getenv("NORMBENCH_PEERS");
  return named != nullptr ? fs::path(named) : kSource / "build" / "peers";
}

// Links nothing that a plugin may bring in another version.
std::string plugin_host() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  return (own.parent_path() / "normbench-worker").string();
}

json read_json(const fs::path& path) {
  std::ifstream file(path);
  return json::parse(file);
}

}  // namespace

std::vector<Peer> installed_peers() {
  std::vector<Peer> peers;
  std::error_code error;
  for (const auto& folder : fs::directory_iterator(folder_of_peers(), error)) {
    const fs::path path = folder.path() / "peer.json";
    if (!fs::is_regular_file(path)) continue;
    try {
      const json peer = read_json(path);
      WorkerCommand command = {.words = peer.at("command").get<std::vector<std::string>>(),
                               .environment = peer.value("environment", command.environment)};
      if (command.words.empty()) throw std::runtime_error("the command has no words");
      if (command.words[0] == "normbench-worker") command.words[0] = plugin_host();
      peers.push_back({peer.at("name").get<std::string>(), std::move(command)});
    } catch (const std::exception& what) {
      throw UsageError(fmt::format("{} is damaged: {}; install the peer anew: ./scripts/peers {}",
                                   path.string(), what.what(), folder.path().filename().string()));
    }
  }
  std::sort(peers.begin(), peers.end(),
            [](const Peer& a, const Peer& b) { return a.name < b.name; });
  return peers;
}

std::vector<std::string> catalogue_of_peers() {
  const fs::path path = kSource / "impls" / "peers.json";
  std::vector<std::string> names;
  if (!fs::is_regular_file(path)) return names;  // the program was moved away from its sources
  try {
    for (const json& entry : read_json(path)) {
      names.push_back(entry.at("name").get<std::string>());
    }
  } catch (const std::exception& what) {
    throw UsageError(fmt::format("{} is damaged: {}", path.string(), what.what()));
  }
  return names;
}

std::vector<std::string> plugin_worker(const std::string& path) {
  return {plugin_host(), "--plugin", path};
}

std::vector<std::string> python_worker(const std::string& path) {
  return {"python3", (kSource / "harness" / "worker" / "normbench.py").string(), path};
}

}  // namespace normbench
