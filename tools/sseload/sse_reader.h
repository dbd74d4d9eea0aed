// Why: events out of the bytes of an event stream, as the WHATWG HTML standard parses them, at
//      millions per second. One reader serves all streams in turn: what has to last between two
//      reads of one stream is an SseState of one byte and the bytes of the event that was cut,
//      which the caller keeps (everything from consumed() on) and gives again in front of the next.
//
// Invariants: views in an SseEvent last until the next call. Nothing is allocated per event, except
//      that the first event with several data lines makes room to join them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sseload {

struct SseState {
  bool is_started : 1 = false;  ///< the byte order mark was looked for
  bool skips_lf : 1 = false;    ///< the last event ended with CR, whose LF may still come
};

struct SseEvent {
  std::string_view name;  ///< empty: the default, "message"
  std::string_view data;
  std::optional<std::string_view> id;  ///< nothing: the block had no valid id line
  bool is_dispatched = false;          ///< false: only an id, no data; a browser shows nothing
};

/// Counted over all streams.
struct SseCounts {
  std::uint64_t comments = 0;
  std::uint64_t unknown_fields = 0;
};

class SseReader {
 public:
  /// Starts on the next bytes of a stream. `bytes` must outlive the calls of next().
  void begin(SseState& state, std::string_view bytes);
  /// False: no further complete event; keep what follows consumed().
  bool next(SseEvent& event);
  std::size_t consumed() const { return static_cast<std::size_t>(block_ - bytes_.data()); }

  /// The last valid `retry:` value since it was last asked for, in milliseconds.
  std::optional<std::uint32_t> take_retry() { return std::exchange(retry_ms_, std::nullopt); }
  const SseCounts& counts() const { return counts_; }

 private:
  enum class Line { kComplete, kCut };

  Line next_line(std::string_view& line);
  void read_field(std::string_view line, SseEvent& event);
  void add_data(std::string_view value, SseEvent& event);

  SseState* state_ = nullptr;
  std::string_view bytes_;
  const char* block_ = nullptr;  // where the event being read starts
  const char* at_ = nullptr;
  const char* next_lf_ = nullptr;  // first one at or after at_, or the end; searched once
  const char* next_cr_ = nullptr;
  bool block_has_fields_ = false;
  SseCounts block_counts_;
  SseCounts counts_;
  std::optional<std::uint32_t> retry_ms_;
  std::string joined_;
};

}  // namespace sseload
