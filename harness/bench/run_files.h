// What a run folder is written with, whatever is measured.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "harness/bench/machine.h"

namespace normbench {

// Throws std::runtime_error: what could not be written, and why.
[[noreturn]] void cannot_write(const std::filesystem::path& path);

// One object and the end of its line, flushed. Throws as cannot_write().
void write_line(std::ofstream& file, const std::filesystem::path& path,
                const nlohmann::ordered_json& line);

// In one step: whoever reads sees the old file or the new one. Throws as cannot_write().
void replace_file(const std::filesystem::path& path, const std::string& text);

// The present time, in a format of fmt/chrono.h.
std::string now_utc(std::string_view format);

// Makes <date>_<host>_<name> in `results`, with a number behind it where there is such a folder.
// Throws std::runtime_error.
std::filesystem::path make_run_folder(const std::filesystem::path& results, const Machine& machine,
                                      const std::string& name);

nlohmann::ordered_json machine_json(const Machine& machine);
nlohmann::ordered_json build_json(const Build& build);

}  // namespace normbench
