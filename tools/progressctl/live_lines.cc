#include "tools/progressctl/live_lines.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace progressd::ctl {
namespace {

// Source: ECMA-48, the control functions CUU, ED and SGR; and DECTCEM for the cursor.
constexpr std::string_view kHideCursor = "\x1b[?25l";
constexpr std::string_view kShowCursor = "\x1b[?25h";
constexpr std::string_view kClearBelow = "\x1b[0J";

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

TerminalSize terminal_size() {
  TerminalSize size;
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.rows = window.ws_row;
  return size;
}

bool draws(const Settings& settings) {
  const std::string_view terminal = environment("TERM");
  return !settings.json && isatty(STDOUT_FILENO) != 0 && !terminal.empty() && terminal != "dumb";
}

bool draws_colors(const Settings& settings) {
  return draws(settings) && !settings.no_color && environment("NO_COLOR").empty();
}

LiveLines::LiveLines() { put(kHideCursor); }

LiveLines::~LiveLines() { put(kShowCursor); }

void LiveLines::draw(std::vector<Line> lines) {
  const TerminalSize size = terminal_size();
  if (lines.size() >= size.rows) lines.resize(size.rows - 1);
  std::size_t rows = 0;  // that the lines drawn before take now
  for (const Line& line : drawn_) {
    rows += std::max<std::size_t>(1, (line.columns + size.columns - 1) / size.columns);
  }
  std::string out = "\r";
  if (rows > 0) out += fmt::format("\x1b[{}A", std::min(rows, size.rows - 1));
  out += kClearBelow;
  for (const Line& line : lines) out += line.text + "\n";
  put(out);
  drawn_ = std::move(lines);
}

}  // namespace progressd::ctl
