// Lines out of what a program writes, piece by piece. A carriage return ends one too: that is how
// programs redraw their own progress.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace progressd::ctl {

class LineSplitter {
 public:
  using OnLine = std::function<void(std::string_view line)>;

  /// Of a longer line the rest is left out.
  explicit LineSplitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  /// Calls `on_line` for each line that is complete now, without its end.
  void feed(std::string_view bytes, const OnLine& on_line);
  /// The same at the end of the input, for a line without an end.
  void finish(const OnLine& on_line);

 private:
  const std::size_t line_bytes_max_;
  std::string line_;
  bool after_return_ = false;
};

}  // namespace progressd::ctl
