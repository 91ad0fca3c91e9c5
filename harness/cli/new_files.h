// Files that appear whole, and all of them, or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace normbench {

struct NewFile {
  std::filesystem::path path;
  std::string text;
  bool is_program = false;
};

// The whole text of a file. Throws UsageError.
std::string read_text(const std::filesystem::path& path);

// Makes `added`, none of which may be there yet, and writes `changed` anew, which all are. Throws
// UsageError, and then nothing has changed.
void write_files(const std::vector<NewFile>& added, const std::vector<NewFile>& changed);

// A folder that may not be there yet, with these files, whose paths are within it. As above.
void write_folder(const std::filesystem::path& folder, const std::vector<NewFile>& files);

}  // namespace normbench
