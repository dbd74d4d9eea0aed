#include "tools/progressctl/line_splitter.h"

#include <algorithm>

namespace progressd::ctl {

void LineSplitter::feed(std::string_view bytes, const OnLine& on_line) {
  while (!bytes.empty()) {
    // The second half of a \r\n.
    if (after_return_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_return_ = false;
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    line_.append(part.substr(0, line_bytes_max_ - line_.size()));
    if (end == std::string_view::npos) return;
    after_return_ = bytes[end] == '\r';
    on_line(line_);
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish(const OnLine& on_line) {
  if (!line_.empty()) on_line(line_);
  line_.clear();
}

}  // namespace progressd::ctl
