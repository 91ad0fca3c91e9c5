// Everything is written beside its place first, and then moved there.
#include "harness/cli/new_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "harness/bench/errors.h"

namespace normbench {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const char* what) {
  throw UsageError(
      fmt::format("{}: {}: {}; nothing was changed", path.string(), what, std::strerror(errno)));
}

// Removes what was written beside its place, unless it was moved there.
class Beside {
 public:
  Beside() = default;
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  ~Beside() {
    std::error_code error;
    for (const std::filesystem::path& path : paths_) std::filesystem::remove(path, error);
  }

  // A name in the folder of `place` that nobody has.
  std::filesystem::path add(const std::filesystem::path& place, const char* what) {
    return paths_.emplace_back(place.parent_path() /
                               fmt::format(".{}.{}.{}", place.filename().string(), what, getpid()));
  }

 private:
  std::vector<std::filesystem::path> paths_;
};

// To a file that is not there yet. `place` is where it belongs.
void write_text(const std::filesystem::path& path, const std::string& text, mode_t mode,
                const std::filesystem::path& place) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) refuse(place, "cannot be written");
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  const int error = done < text.size() ? errno : 0;
  if (close(file) != 0 || error != 0) {
    if (error != 0) errno = error;
    refuse(place, "cannot be written");
  }
}

mode_t mode_of(const NewFile& file) { return file.is_program ? 0777 : 0666; }

// Fails where there is something at `to`.
bool move_new(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  // Not every file system can.
  if (errno != EINVAL) return false;
  errno = EEXIST;
  return !std::filesystem::exists(to) && std::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || !text) {
    throw UsageError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  }
  return text.str();
}

void write_files(const std::vector<NewFile>& added, const std::vector<NewFile>& changed) {
  Beside beside;
  std::vector<std::pair<std::filesystem::path, const NewFile*>> moves;
  for (const NewFile& file : added) {
    moves.emplace_back(beside.add(file.path, "new"), &file);
    write_text(moves.back().first, file.text, mode_of(file), file.path);
  }
  const std::size_t news = moves.size();
  std::vector<std::filesystem::path> before;
  for (const NewFile& file : changed) {
    struct stat status {};
    if (stat(file.path.c_str(), &status) != 0) refuse(file.path, "cannot be changed");
    moves.emplace_back(beside.add(file.path, "new"), &file);
    write_text(moves.back().first, file.text, status.st_mode & 0777U, file.path);
    before.push_back(beside.add(file.path, "old"));
    write_text(before.back(), read_text(file.path), status.st_mode & 0777U, file.path);
  }
  for (std::size_t i = 0; i < moves.size(); ++i) {
    const auto& [from, file] = moves[i];
    const bool moved =
        i < news ? move_new(from, file->path) : std::rename(from.c_str(), file->path.c_str()) == 0;
    if (moved) continue;
    const int error = errno;
    for (std::size_t j = 0; j < i; ++j) {
      if (j < news) {
        std::remove(moves[j].second->path.c_str());
      } else {
        std::rename(before[j - news].c_str(), moves[j].second->path.c_str());
      }
    }
    errno = error;
    refuse(file->path, "cannot be put in its place");
  }
}

void write_folder(const std::filesystem::path& folder, const std::vector<NewFile>& files) {
  const std::filesystem::path parent = folder.parent_path();
  std::string made = (parent / fmt::format(".{}.XXXXXX", folder.filename().string())).string();
  if (mkdtemp(made.data()) == nullptr) refuse(folder, "cannot be made");
  try {
    for (const NewFile& file : files) {
      write_text(made / file.path, file.text, mode_of(file), folder / file.path);
    }
    const mode_t mask = umask(0);
    umask(mask);
    if (chmod(made.c_str(), 0777U & ~mask) != 0 || !move_new(made, folder)) {
      refuse(folder, "cannot be made");
    }
  } catch (...) {
    std::error_code error;
    std::filesystem::remove_all(made, error);
    throw;
  }
}

}  // namespace normbench
