#include "net/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/json_write.h"
#include "core/base/utf8.h"
#include "net/access/rate_limit.h"

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

// RFC 3339, UTC. In JSON the line is one already.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v";
constexpr const char* kJsonPattern =
    R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})";

spdlog::level::level_enum spdlog_level(Level level) {
  constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                               spdlog::level::err, spdlog::level::off};
  return kLevels[static_cast<std::size_t>(level)];
}

Millis now() {
  using std::chrono::duration_cast;
  return duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Control characters, those above 127 too, are what terminals take for commands.
std::string without_controls(std::string_view line) {
  const bool is_text = is_utf8(line);
  std::string safe;
  safe.reserve(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const bool is_upper_control =
        byte == 0xc2 && i + 1 < line.size() && static_cast<unsigned char>(line[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && (!is_text || is_upper_control))) {
      safe += fmt::format("\\x{:02x}", byte);
      if (is_upper_control && is_text) {
        safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(line[++i]));
      }
    } else {
      safe += line[i];
    }
  }
  return safe;
}

/// Where lines go. Lines come from work threads too.
class Log {
 public:
  explicit Log(const Settings& settings)
      : format_(settings.format),
        rate_(settings.lines_per_second_max),
        logger_("progressd", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        format_ == Format::kJson ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc));
    logger_.set_level(spdlog_level(settings.level));
    logger_.flush_on(spdlog::level::debug);
  }

  void use(const Settings& settings) {
    const std::lock_guard lock(mutex_);
    rate_.use_rate(settings.lines_per_second_max);
    logger_.set_level(spdlog_level(settings.level));
  }

  void write(Level level, std::string_view line) {
    if (!logger_.should_log(spdlog_level(level))) return;
    const std::lock_guard lock(mutex_);
    const bool is_counted = level == Level::kWarn || level == Level::kDebug;
    if (is_counted && rate_.take("", now()) != 0) {
      ++left_out_;
      return;
    }
    if (left_out_ > 0) {
      put(Level::kWarn, fmt::format("{} lines were left out: more than --max-log-rate", left_out_));
      left_out_ = 0;
    }
    put(level, line);
  }

 private:
  void put(Level level, std::string_view line) {
    std::string text = without_controls(line);
    if (format_ == Format::kJson) {
      JsonWriter json;
      json.string(text);
      text = json.view();
    }
    logger_.log(spdlog_level(level), spdlog::string_view_t(text));
  }

  const Format format_;
  std::mutex mutex_;
  RateLimit rate_;
  std::size_t left_out_ = 0;  // since the last line
  spdlog::logger logger_;
};

/// The one thing that is global here: a line is written from wherever a fact is.
std::unique_ptr<Log>& the_log() {
  static std::unique_ptr<Log> log;
  return log;
}

}  // namespace

std::optional<Level> level_of_name(std::string_view name) {
  for (const Name& known : kNames) {
    if (known.name == name) return known.level;
  }
  return std::nullopt;
}

void start(const Settings& settings) { the_log() = std::make_unique<Log>(settings); }

void use(const Settings& settings) {
  if (the_log() != nullptr) the_log()->use(settings);
}

void write(Level level, std::string_view line) {
  if (the_log() != nullptr) the_log()->write(level, line);
}

}  // namespace progressd::log
