// The log: one line per fact, on standard error. spdlog has its home in log.cc.
//
// What clients can bring about is said as a warning or for debugging, and of both only so many
// lines per second are written; the next line after that says how many were left out. Whatever is
// in a line, it stays one: control characters and bytes that are no UTF-8 are written as escapes.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace progressd::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

enum class Format { kText, kJson };

struct Settings {
  Level level = Level::kInfo;
  Format format = Format::kText;
  std::size_t lines_per_second_max = 100;  // of warnings and for debugging; 0: no limit
};

std::optional<Level> level_of_name(std::string_view name);
/// At program start; without it nothing is written.
void start(const Settings& settings);
/// From here on another level and rate; the format stays.
void use(const Settings& settings);
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> form, Args&&... args) {
  write(Level::kDebug, fmt::format(form, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> form, Args&&... args) {
  write(Level::kInfo, fmt::format(form, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> form, Args&&... args) {
  write(Level::kWarn, fmt::format(form, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> form, Args&&... args) {
  write(Level::kError, fmt::format(form, std::forward<Args>(args)...));
}

}  // namespace progressd::log
