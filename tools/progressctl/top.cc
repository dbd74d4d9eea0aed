// progressctl top: what a server is doing now, from /v1/stats and /v1/streams.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/json_read.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/event_stream.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/job_view.h"
#include "tools/progressctl/live_lines.h"
#include "tools/progressctl/signals.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kTextBytesMax = 64 * 1024;
constexpr Millis kIntervalMsMin = 100;

struct TopFlags {
  Millis interval_ms = 1'000;
  std::size_t count = 0;  // 0: until it is ended
};

struct StreamRow {
  std::string user;
  std::string address;
  std::string topics;
  double queued_bytes = 0;
  double conflated = 0;
};

struct Sample {
  std::map<std::string, double, std::less<>> numbers;  // `jobs.active`, `loopLagMs.p99`, `streams`
  std::vector<StreamRow> streams;                      // the slowest first
  std::string stats_json;
  std::string streams_json = "[]";
  Millis at = 0;

  double operator[](std::string_view name) const {
    const auto at_name = numbers.find(name);
    return at_name == numbers.end() ? 0.0 : at_name->second;
  }
};

/// The numbers of an object, and of the objects in it.
void take_numbers(std::string_view json, const std::string& prefix, Sample& sample) {
  JsonReader reader;
  // What can't be read is not shown: there is nothing else to do about it here.
  static_cast<void>(
      reader.read_copied_object(json, [&](std::string_view name, JsonValue& value) -> Result<void> {
        const Result<std::string> text = value.json(name, kTextBytesMax);
        if (!text) return {};
        const std::string path = prefix + std::string(name);
        if (text->starts_with('{')) return take_numbers(*text, path + ".", sample), Result<void>();
        char* end = nullptr;
        const double number = std::strtod(text->c_str(), &end);
        if (end != text->c_str() && *end == '\0') sample.numbers[path] = number;
        return {};
      }));
}

StreamRow row_of(const std::string& json) {
  StreamRow row;
  JsonReader reader;
  static_cast<void>(
      reader.read_copied_object(json, [&](std::string_view name, JsonValue& value) -> Result<void> {
        const auto to = [&](std::string& text) {
          return value.string(name, kTextBytesMax).map([&](std::string_view view) { text = view; });
        };
        if (name == "user") return to(row.user);
        if (name == "address") return to(row.address);
        if (name == "queuedBytes") row.queued_bytes = number_of(value, name).value_or(0);
        if (name == "conflated") row.conflated = number_of(value, name).value_or(0);
        if (name == "topics") {
          return value.elements(name, [&](JsonValue& topic) {
            return topic.string(name, kTextBytesMax).map([&](std::string_view text) {
              row.topics += (row.topics.empty() ? "" : " ") + std::string(text);
            });
          });
        }
        return {};
      }));
  return row;
}

void take_streams(std::string_view json, Sample& sample) {
  JsonReader reader;
  static_cast<void>(
      reader.read_copied_object(json, [&](std::string_view name, JsonValue& value) -> Result<void> {
        if (name != "streams") return {};
        std::string rows;
        const Result<void> read = value.elements(name, [&](JsonValue& one) {
          return one.json(name, kTextBytesMax).map([&](const std::string& row) {
            rows += (rows.empty() ? "" : ",") + row;
            sample.streams.push_back(row_of(row));
          });
        });
        sample.streams_json = "[" + rows + "]";
        return read;
      }));
  std::sort(
      sample.streams.begin(), sample.streams.end(), [](const StreamRow& a, const StreamRow& b) {
        return std::pair(a.queued_bytes, a.conflated) > std::pair(b.queued_bytes, b.conflated);
      });
}

std::string bytes_text(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) bytes /= 1024, ++unit;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::vector<std::string> lines_of(const Sample& now, const std::optional<Sample>& before,
                                  const Settings& settings) {
  const auto per_second = [&](std::string_view name) {
    if (!before || now.at <= before->at) return 0.0;
    return std::max(
        0.0, (now[name] - (*before)[name]) * 1000 / static_cast<double>(now.at - before->at));
  };
  std::vector<std::string> lines{
      fmt::format("progressd at {}", settings.url),
      fmt::format("connections {:.0f}   streams {:.0f}   memory {}", now["connections"],
                  now["streams"], bytes_text(now["memoryBytes"])),
      fmt::format("jobs    pending {:.0f}   active {:.0f}   completed {:.0f}   failed {:.0f}   "
                  "cancelled {:.0f}",
                  now["jobs.pending"], now["jobs.active"], now["jobs.completed"],
                  now["jobs.failed"], now["jobs.cancelled"]),
      fmt::format(
          "events  published {:.0f}/s   delivered {:.0f}/s   conflated {:.0f}/s   sent {}/s",
          per_second("eventsPublished"), per_second("eventsDelivered"),
          per_second("eventsConflated"), bytes_text(per_second("bytesSent"))),
      fmt::format("loop    late p50 {:.2f} ms   p99 {:.2f} ms   max {:.2f} ms",
                  now["loopLagMs.p50"], now["loopLagMs.p99"], now["loopLagMs.max"]),
      ""};
  if (now.streams.empty()) return lines;
  lines.push_back(fmt::format("{:>10}  {:>9}  {:<21}  {:<12}  {}", "QUEUED", "CONFLATED", "ADDRESS",
                              "USER", "TOPICS"));
  for (const StreamRow& row : now.streams) {
    lines.push_back(fmt::format("{:>10}  {:>9.0f}  {}  {}  {}", bytes_text(row.queued_bytes),
                                row.conflated, fitted(printable(row.address), 21),
                                fitted(row.user.empty() ? "anybody" : printable(row.user), 12),
                                printable(row.topics)));
  }
  return lines;
}

/// The alternate screen, as full-screen programs have it: what was there before comes back.
class AlternateScreen {
 public:
  AlternateScreen() { fmt::print("\x1b[?1049h\x1b[H"); }
  ~AlternateScreen() {
    fmt::print("\x1b[?1049l");
    std::fflush(stdout);
  }
  AlternateScreen(const AlternateScreen&) = delete;
  AlternateScreen& operator=(const AlternateScreen&) = delete;

  void draw(const std::vector<std::string>& texts) {
    const std::size_t columns = terminal_size().columns - 1;
    std::vector<Line> lines;
    for (const std::string& text : texts) {
      const std::string shown = cut(text, columns);
      lines.push_back({shown, columns_of(shown)});
    }
    lines_.draw(std::move(lines));
  }

 private:
  LiveLines lines_;
};

class Top {
 public:
  Top(const TopFlags& flags, const Settings& settings) : flags_(flags), settings_(settings) {
    if (draws(settings)) screen_.emplace();
  }

  Result<int> run() {
    for (std::size_t shown = 0; flags_.count == 0 || shown < flags_.count; ++shown) {
      const Millis next_at = now_ms() + flags_.interval_ms;
      if (const Result<void> looked = look(); !looked) return tl::unexpected(looked.error());
      if (flags_.count != 0 && shown + 1 == flags_.count) break;
      while (!ended_by_ && now_ms() < next_at) wait(next_at - now_ms());
      if (ended_by_) return kExitSignal + *ended_by_;
    }
    return kExitOk;
  }

 private:
  void wait(Millis ms_max) {
    std::array watched{Watched{signals_.fd()}};
    transfers_.wait(ms_max, watched);
    while (const std::optional<int> signal = signals_.take()) {
      if (asks_to_end(*signal)) ended_by_ = signal;
      if (*signal == SIGWINCH) draw();
    }
  }

  /// Asks, and shows what it learned. A server that is away later is waited for, with the last
  /// figures on the screen.
  Result<void> look() {
    Transfer stats(transfers_, settings_, {.target = "/v1/stats"});
    Transfer streams(transfers_, settings_, {.target = "/v1/streams"});
    while (!ended_by_ && !(stats.is_over() && streams.is_over())) wait(kAnswerMsMax);
    if (ended_by_) return {};
    constexpr long kOk = 200;
    for (Transfer* transfer : {&stats, &streams}) {
      if (transfer->status() == kOk) continue;
      const Result<Answer> answer = transfer->answer();
      const Error error = answer ? refusal(*answer) : answer.error();
      if (!now_) return tl::unexpected(error);
      if (!screen_) fmt::print(stderr, "progressctl: {}\n", printable(error.detail));
      trouble_ = "no answer: " + printable(error.detail);
      draw();
      return {};
    }
    Sample sample;
    sample.at = now_ms();
    sample.stats_json = stats.take_bytes();
    take_numbers(sample.stats_json, "", sample);
    take_streams(streams.take_bytes(), sample);
    trouble_.clear();
    before_ = std::exchange(now_, std::move(sample));
    show();
    return {};
  }

  void show() {
    if (screen_) return draw();
    const Result<std::string> stats = minified_json(now_->stats_json);
    fmt::print("{{\"stats\":{},\"streams\":{}}}\n", stats.value_or("null"), now_->streams_json);
    std::fflush(stdout);
  }

  void draw() {
    if (!screen_ || !now_) return;
    std::vector<std::string> lines = lines_of(*now_, before_, settings_);
    if (!trouble_.empty()) lines.insert(lines.begin() + 1, trouble_);
    screen_->draw(lines);
  }

  const TopFlags& flags_;
  const Settings& settings_;
  Signals signals_;
  Transfers transfers_;
  std::optional<AlternateScreen> screen_;
  std::optional<Sample> before_;
  std::optional<Sample> now_;
  std::string trouble_;
  std::optional<int> ended_by_;
};

Result<int> top(const TopFlags& flags, const Settings& settings) {
  if (flags.interval_ms < kIntervalMsMin) {
    return fail(Errc::kInvalid, fmt::format("--interval: at least {} ms", kIntervalMsMin));
  }
  return Top(flags, settings).run();
}

}  // namespace

void add_top(Cli& cli) {
  const auto flags = std::make_shared<TopFlags>();
  CLI::App* const command = cli.add_command(
      "top", "Shows what the server is doing, and its slowest streams, until Ctrl-C",
      [flags, &cli] { return top(*flags, cli.settings()); });
  add_duration(*command, "--interval", flags->interval_ms, "From one look to the next");
  command->add_option("--count", flags->count, "Looks, then it ends; 0: without end")
      ->type_name("NUMBER")
      ->capture_default_str();
}

}  // namespace progressd::ctl
