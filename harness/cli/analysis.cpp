// Hands the analysis verbs to Node.js, as git runs its external commands.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include "harness/cli/checkout.h"
#include "harness/cli/streams.h"
#include "harness/cli/verbs.h"

namespace normbench {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kVerbs = {{
    {"compare", "Backends by cases of a run: ratio to the best, with intervals"},
    {"rank", "Backends of a run by geometric mean, per regime and pass"},
    {"diff",
     "What changed between runs; 4 when something got slower, 6 when the runs do not decide"},
    {"report", "One or more runs as a report: Markdown with pictures, or an HTML page"},
    {"export", "A run as Google Benchmark JSON"},
}};

std::string environment_or(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::string(value) : std::move(otherwise);
}

// The program of this name in a folder of PATH; "" where there is none. Folders that are relative
// are passed over: nothing of the working directory may decide which code runs.
std::string find_on_path(const std::string& name) {
  std::istringstream folders(environment_or("PATH", ""));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.starts_with('/')) continue;
    const std::string file = fmt::format("{}/{}", folder, name);
    std::error_code error;
    if (std::filesystem::is_regular_file(file, error) && access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return "";
}

std::string find_node() {
  const std::string named = environment_or("NORMBENCH_NODE", "");
  if (named.find('/') != named.npos) return named;
  std::string node;
  if (!named.empty()) {
    node = find_on_path(named);
    if (node.empty()) {
      throw UsageError(fmt::format("NORMBENCH_NODE={}: there is no such program on PATH", named));
    }
    return node;
  }
  // Debian has had it under both names.
  for (const char* name : {"node", "nodejs"}) {
    if (node.empty()) node = find_on_path(name);
  }
  if (node.empty()) {
    throw UsageError("no Node.js was found: apt-get install nodejs, or name one in NORMBENCH_NODE");
  }
  return node;
}

// Throws UsageError when it cannot.
[[noreturn]] void become_node(const std::vector<std::string>& verb) {
  const std::filesystem::path scripts = scripts_folder();
  const std::filesystem::path main = scripts / "analysis" / "main.js";
  if (!std::filesystem::exists(main)) {
    throw UsageError(
        fmt::format("{}: there is no analysis/main.js: point NORMBENCH_SCRIPTS to the folder "
                    "scripts/ of the project",
                    scripts.string()));
  }
  const std::string node = find_node();
  // They could name code in the working directory.
  for (const char* name : {"NODE_OPTIONS", "NODE_PATH", "NODE_REPL_EXTERNAL_MODULE"}) {
    unsetenv(name);
  }

  std::vector<std::string> words = {node, main.string()};
  words.insert(words.end(), verb.begin(), verb.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(node.c_str(), arguments.data());
  throw UsageError(fmt::format("{}: cannot be started: {}", node, std::strerror(errno)));
}

}  // namespace

void add_analysis(CLI::App& app) {
  for (const auto& [name, text] : kVerbs) app.add_subcommand(name, text);
}

bool is_analysis(const std::string& verb) {
  return std::any_of(kVerbs.begin(), kVerbs.end(),
                     [&verb](const auto& entry) { return verb == entry.first; });
}

void run_analysis(const CommandLine& command) {
  become_node({command.words.begin() + 1, command.words.end()});
}

int call_analysis(const std::vector<std::string>& words) {
  const pid_t child = fork();
  if (child < 0) throw UsageError(fmt::format("no process can be made: {}", std::strerror(errno)));
  if (child == 0) {
    // As main() does: errors are printed in one line.
    try {
      dup2(STDERR_FILENO, STDOUT_FILENO);
      become_node(words);
    } catch (const std::exception& error) {
      say("normbench: error: {}\n", error.what());
    }
    _exit(kUsage);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kInternalError;
}

}  // namespace normbench
