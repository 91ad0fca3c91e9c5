// Hands the analysis verbs to Python, as git runs its external commands.
#include <fmt/core.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "harness/cli/verbs.h"

namespace normbench {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kVerbs = {{
    {"compare", "Backends by cases of a run: ratio to the best, with intervals"},
    {"rank", "Backends of a run by geometric mean, per regime and pass"},
    {"diff", "What changed between two runs; exit code 4 when something got slower"},
    {"report", "One or more runs as a report: Markdown with pictures, or an HTML page"},
    {"export", "A run as Google Benchmark JSON"},
}};

std::string environment_or(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::string(value) : std::move(otherwise);
}

// Whether `python` starts and has what scripts/analysis needs.
bool has_libraries(const std::string& python) {
  const std::string test =
      fmt::format("'{}' -c 'import pandas, scipy, jinja2' >/dev/null 2>&1", python);
  return std::system(test.c_str()) == 0;
}

// $NORMBENCH_PYTHON, or the first Python that has the libraries: the one on PATH may be a private
// one that does not see the system's packages.
std::string find_python() {
  if (std::getenv("NORMBENCH_PYTHON") != nullptr) return environment_or("NORMBENCH_PYTHON", "");
  for (const char* candidate : {"python3", "/usr/bin/python3"}) {
    if (has_libraries(candidate)) return candidate;
  }
  return "";
}

// The word as a shell takes it for one.
std::string quoted(const std::string& word) {
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("_./=:,@%+-", c) != nullptr;
  });
  if (is_plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

}  // namespace

void add_analysis(CLI::App& app) {
  for (const auto& [name, text] : kVerbs) app.add_subcommand(name, text);
}

bool is_analysis(const std::string& verb) {
  return std::any_of(kVerbs.begin(), kVerbs.end(),
                     [&verb](const auto& entry) { return verb == entry.first; });
}

int run_analysis(const CommandLine& command) {
  const std::filesystem::path scripts =
      environment_or("NORMBENCH_SCRIPTS", NORMBENCH_SOURCE_DIR "/scripts");
  if (!std::filesystem::exists(scripts / "analysis")) {
    throw ConfigError(
        fmt::format("{}: there is no analysis package: point NORMBENCH_SCRIPTS to the "
                    "folder scripts/ of the project",
                    scripts.string()));
  }
  const std::string python = find_python();
  if (python.empty()) {
    throw ConfigError(
        "no Python with pandas, scipy and jinja2 was found: apt-get install python3-pandas "
        "python3-scipy python3-jinja2, or name one in NORMBENCH_PYTHON");
  }
  const std::string inherited = environment_or("PYTHONPATH", "");
  setenv("PYTHONPATH", (scripts.string() + (inherited.empty() ? "" : ":" + inherited)).c_str(), 1);
  std::vector<std::string> typed = command.words;
  typed[0] = "normbench";
  std::transform(typed.begin(), typed.end(), typed.begin(), quoted);
  setenv("NORMBENCH_COMMAND", fmt::format("{}", fmt::join(typed, " ")).c_str(), 1);

  std::vector<std::string> words = {python, "-m", "analysis"};
  words.insert(words.end(), command.words.begin() + 1, command.words.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(python.c_str(), arguments.data());
  throw ConfigError(fmt::format("{}: cannot be started", python));
}

}  // namespace normbench
