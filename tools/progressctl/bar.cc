#include "tools/progressctl/bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kPercentColumns = 5;  // " 100%"
constexpr std::size_t kBarColumnsMin = 5;
constexpr std::size_t kBarColumnsMax = 30;
constexpr int kEighths = 8;  // a column of a bar is drawn in eighths

/// What stands behind the bar: how fast, or how it ended.
std::string status_text(const JobView& job) {
  std::string text;
  if (is_terminal(job.state) || job.state == State::kPending) {
    text = state_name(job.state);
    if (!job.failed_reason.empty()) text += ": " + printable(job.failed_reason);
  } else {
    if (job.rate_per_second) text += rate_text(*job.rate_per_second);
    if (job.eta_seconds) text += "  ETA " + clock_text(*job.eta_seconds);
  }
  if (!job.message.empty()) text += (text.empty() ? "" : "  ") + printable(job.message);
  return text;
}

}  // namespace

std::string bar_text(double share, std::size_t columns) {
  const double clamped = std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0);
  if (!is_utf8_terminal()) {
    const auto full = static_cast<std::size_t>(clamped * static_cast<double>(columns));
    return std::string(full, '#') + std::string(columns - full, '-');
  }
  constexpr std::array<std::string_view, kEighths> kParts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(clamped * static_cast<double>(columns * kEighths));
  const std::string_view part = kParts[eighths % kEighths];
  std::string text;
  for (std::size_t i = 0; i < eighths / kEighths; ++i) text += "█";
  text += part;
  for (std::size_t i = eighths / kEighths + (part.empty() ? 0 : 1); i < columns; ++i) text += "░";
  return text;
}

std::string clock_text(std::int64_t seconds) {
  const std::int64_t hours = seconds / 3600;
  const std::int64_t minutes = seconds / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % 60)
                   : fmt::format("{}:{:02}", minutes, seconds % 60);
}

std::string rate_text(double per_second) {
  return fmt::format("{:.{}f}/s", per_second, per_second < 100 ? 1 : 0);
}

std::string colored(const std::string& text, State state, bool is_on) {
  if (!is_on) return text;
  constexpr std::array<std::string_view, kStates> kColours{"2", "36", "32", "31", "33"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kColours[static_cast<std::size_t>(state)], text);
}

Line job_line(const JobView& job, const LineStyle& style) {
  const std::string percent =
      cut(fmt::format("{:>4.0f}%", std::floor(job.share() * 100)), style.columns);
  const std::size_t percent_columns = std::min(style.columns, kPercentColumns);
  const std::size_t room = style.columns - percent_columns;
  const std::size_t name_columns =
      std::min(style.name_columns, std::max(room / 3, std::min(room, kMadeIdColumns)));
  const std::string name = fitted(printable(job.id), name_columns);
  std::size_t left = room - name_columns;
  std::string bar;
  if (left > kBarColumnsMin) {
    const std::size_t columns = std::clamp(left / 3, kBarColumnsMin, kBarColumnsMax);
    bar = " " + colored(bar_text(job.share(), columns), job.state, style.colored);
    left -= columns + 1;
  }
  const std::string status = left > 2 ? "  " + cut(status_text(job), left - 2) : "";
  const std::size_t bar_columns = bar.empty() ? 0 : room - name_columns - left;
  return {name + bar + percent + status,
          name_columns + bar_columns + percent_columns + columns_of(status)};
}

}  // namespace progressd::ctl
