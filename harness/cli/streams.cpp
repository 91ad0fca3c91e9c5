// File descriptors of the standard streams.
#include "harness/cli/streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace normbench {
namespace {

std::FILE* results = stdout;
bool could_not_write = false;

}  // namespace

void open_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      // The least number that is free is this one.
      if (open("/dev/null", O_RDWR) == -1) return;
    }
  }
}

void take_stdout() {
  const int own = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (own == -1) return;
  std::FILE* const file = fdopen(own, "w");
  if (file == nullptr) return;
  std::fflush(stdout);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  results = file;
}

bool finish_stdout() { return std::fflush(results) == 0 && !could_not_write; }

void write_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), results) != text.size()) could_not_write = true;
}

void write_message(std::string_view text) {
  // What is on stdout before it comes before it.
  if (std::fflush(results) != 0) could_not_write = true;
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace normbench
