// The standard streams: results on stdout, everything else, also what libraries print, on stderr.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace normbench {

// Opens to /dev/null whichever of the three streams is closed: the next file would take its number,
// and get what is printed.
void open_closed_streams();

// From here on stdout is that of out(), and what anybody else prints there goes to stderr.
void take_stdout();

// False when what was printed could not be written.
bool finish_stdout();

void write_result(std::string_view text);
void write_message(std::string_view text);

// Results, on stdout.
template <class... T>
void out(fmt::format_string<T...> format, T&&... arguments) {
  write_result(fmt::format(format, std::forward<T>(arguments)...));
}

// Messages, on stderr. One that cannot be written ends nothing.
template <class... T>
void say(fmt::format_string<T...> format, T&&... arguments) {
  write_message(fmt::format(format, std::forward<T>(arguments)...));
}

}  // namespace normbench
