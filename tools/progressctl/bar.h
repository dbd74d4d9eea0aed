// A job as one line of a terminal: its name, a bar, percent, and how fast it goes or how it ended.
#pragma once

#include <cstddef>
#include <string>

#include "tools/progressctl/job_view.h"

namespace progressd::ctl {

/// A line without its line end, and the columns it takes: colours take none.
struct Line {
  std::string text;
  std::size_t columns = 0;
};

struct LineStyle {
  std::size_t columns = 80;       // a line takes at most so many
  std::size_t name_columns = 20;  // of them for the name
  bool colored = false;
};

/// What the line has room for, in this order: percent, name, bar, state, message.
Line job_line(const JobView& job, const LineStyle& style);

/// A bar of exactly so many columns; `share` from 0 to 1.
std::string bar_text(double share, std::size_t columns);

/// `1:02:03` or `4:05`.
std::string clock_text(std::int64_t seconds);
/// `12.3/s`
std::string rate_text(double per_second);

/// `text` in the colour of a job's state.
std::string colored(const std::string& text, State state, bool is_on);

}  // namespace progressd::ctl
