#include "net/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>

namespace progressd::log {
namespace {

struct Name {
  std::string_view name;
  Level level;
};
constexpr std::array<Name, 5> kNames{{{"debug", Level::kDebug},
                                      {"info", Level::kInfo},
                                      {"warn", Level::kWarn},
                                      {"error", Level::kError},
                                      {"off", Level::kOff}}};

spdlog::level::level_enum spdlog_level(Level level) {
  constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                               spdlog::level::err, spdlog::level::off};
  return kLevels[static_cast<std::size_t>(level)];
}

}  // namespace

std::optional<Level> level_of_name(std::string_view name) {
  for (const Name& known : kNames) {
    if (known.name == name) return known.level;
  }
  return std::nullopt;
}

void start(Level level) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("progressd"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_level(spdlog_level(level));
  spdlog::flush_on(spdlog::level::debug);
}

void write(Level level, std::string_view line) {
  static const bool started = spdlog::get("progressd") != nullptr;
  if (started) spdlog::log(spdlog_level(level), line);
}

}  // namespace progressd::log
