// Lines of a terminal that are drawn again and again in place, below whatever stands there already.
// When the terminal changes its width, lines that it has wrapped are found again and replaced.
#pragma once

#include <cstddef>
#include <vector>

#include "tools/progressctl/bar.h"
#include "tools/progressctl/settings.h"

namespace progressd::ctl {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// Of the terminal on standard output.
TerminalSize terminal_size();

/// Whether to draw: standard output is a terminal that can move its cursor, and nobody asked for
/// JSON.
bool draws(const Settings& settings);
/// Whether to draw in colours.
bool draws_colors(const Settings& settings);

class LiveLines {
 public:
  /// Hides the cursor.
  LiveLines();
  /// Shows it again, below the lines.
  ~LiveLines();
  LiveLines(const LiveLines&) = delete;
  LiveLines& operator=(const LiveLines&) = delete;

  /// In place of what was drawn before. At most as many lines as the terminal has rows but one.
  void draw(std::vector<Line> lines);

 private:
  std::vector<Line> drawn_;
};

}  // namespace progressd::ctl
