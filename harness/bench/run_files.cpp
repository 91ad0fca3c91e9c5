// Files of run folders: lines that are whole, files that are replaced in one step, names that are
// new.
#include "harness/bench/run_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <system_error>

namespace normbench {
namespace {

using nlohmann::ordered_json;

// Safe as part of a file name.
std::string file_word(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '.'; }, '-');
  return text.empty() ? "unknown" : text;
}

// Tries names until one is new: two runs may start in the same second.
std::filesystem::path make_new(const std::filesystem::path& results, const std::string& stem) {
  std::error_code error;
  std::filesystem::create_directories(results, error);
  for (int attempt = 1; !error && attempt < 1000; ++attempt) {
    auto path = results / (attempt == 1 ? stem : fmt::format("{}-{}", stem, attempt));
    if (std::filesystem::create_directory(path, error)) return path;
  }
  throw std::runtime_error(
      fmt::format("{}: cannot create a run folder there: {}; choose another "
                  "place with --results",
                  results.string(), error.message()));
}

ordered_json optional_json(const auto& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

}  // namespace

void cannot_write(const std::filesystem::path& path) {
  const std::string why = errno != 0 ? std::generic_category().message(errno) : "unknown reason";
  throw std::runtime_error(fmt::format(
      "{}: cannot be written: {}; what was recorded before is whole", path.string(), why));
}

void write_line(std::ofstream& file, const std::filesystem::path& path, const ordered_json& line) {
  errno = 0;
  // Text from libraries may not be UTF-8.
  file << line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << '\n';
  file.flush();
  if (!file) cannot_write(path);
}

void replace_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::path temporary = path;
  temporary += ".part";
  errno = 0;
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    const int reason = errno;
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    errno = reason;
    cannot_write(path);
  }
  std::filesystem::rename(temporary, path);
}

std::string now_utc(std::string_view format) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format(fmt::runtime(format), fmt::gmtime(now));
}

std::filesystem::path make_run_folder(const std::filesystem::path& results, const Machine& machine,
                                      const std::string& name) {
  return make_new(results, fmt::format("{}_{}_{}", now_utc("{:%Y-%m-%dT%H%M%S}"),
                                       file_word(machine.host), file_word(name)));
}

ordered_json machine_json(const Machine& m) {
  ordered_json caches = ordered_json::array();
  for (const CacheLevel& cache : m.caches) {
    caches.push_back(
        {{"level", cache.level}, {"bytes", cache.bytes}, {"shared_by", cache.shared_by}});
  }
  return {{"host", m.host},
          {"cpu", m.cpu},
          {"cores", m.cores},
          {"online", m.online},
          {"affinity", m.affinity},
          {"cpu_quota", optional_json(m.cpu_quota)},
          {"memory_bytes", m.memory_bytes},
          {"caches", caches},
          {"last_level",
           {{"said_bytes", said_last_level_bytes(m)},
            {"measured_bytes", optional_json(m.measured_last_level)}}},
          {"isa", m.isa},
          {"kernel", m.kernel},
          {"governor", optional_json(m.governor)},
          {"huge_pages", m.huge_pages},
          {"load", m.load},
          {"virtual", m.virtualized}};
}

ordered_json build_json(const Build& build) {
  return {{"type", build.type},
          {"compiler", build.compiler},
          {"flags", build.flags},
          {"git", build.git},
          {"version", build.version}};
}

}  // namespace normbench
