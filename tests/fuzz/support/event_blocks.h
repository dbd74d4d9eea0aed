// What a reader makes of the bytes of its stream: events, each with its id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/stream/sse.h"
#include "tests/core/stream/gzip_reader.h"

namespace progressd::fuzz {

struct EventBlock {
  std::string name;  // of the `event:` line; empty: none
  std::string id;
  std::string data;
};

/// Takes the bytes as they come, in whatever pieces.
class EventBlocks {
 public:
  explicit EventBlocks(Framing framing) : framing_(framing) {
    if (is_compressed(framing)) gzip_.emplace();
  }

  /// The events that are whole by now; `retry:` and comments are left out.
  std::vector<EventBlock> take(std::string_view bytes);
  /// Whether the last chunk was seen.
  bool ended() const { return ended_; }
  /// Whether nothing is begun and not whole.
  bool at_rest() const {
    return wire_.empty() && text_.empty() && (!gzip_ || !ended_ || gzip_->is_over());
  }

 private:
  void take_chunks();
  void add_text(std::string_view bytes);

  Framing framing_;
  std::optional<testing::GzipReader> gzip_;  // of a compressed stream
  std::string wire_;                         // of a chunk that is not whole
  std::string text_;                         // of an event that is not whole
  bool ended_ = false;
};

}  // namespace progressd::fuzz
