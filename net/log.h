// The log: one line per fact, on standard error. spdlog has its home in log.cc.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace progressd::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

std::optional<Level> level_of_name(std::string_view name);
/// At program start; without it nothing is written.
void start(Level level);
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
