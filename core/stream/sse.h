// The text/event-stream format, and how its blocks are framed for HTTP.
// Source: WHATWG HTML, "Server-sent events"; RFC 9112, section 7.1 (chunked).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/stream/dialect.h"
#include "core/stream/frame.h"
#include "core/stream/topic.h"

namespace progressd {

inline constexpr std::string_view kSseKeepalive = ": keepalive\n\n";
inline constexpr std::string_view kSseTokenExpired = ": token expired\n\n";

/// One block: `event:` unless `name` is empty, `id:` unless `id` is, one `data:` line.
/// Shape: `json` has no line break.
void append_sse(std::string_view name, std::string_view id, std::string_view json,
                std::string& out);
void append_sse_retry(Millis retry, std::string& out);

/// How a stream's bytes stand in its response.
enum class Framing : std::uint8_t {
  kChunked,         // HTTP/1.1: each event is one chunk
  kUntilClose,      // HTTP/1.0: the bare bytes
  kGzipChunked,     // as these two, of gzip. Frames are made bare, and compressed where they are
  kGzipUntilClose,  // written: then it is known what is written together
};
inline constexpr std::size_t kFramings = 4;
inline constexpr bool is_chunked(Framing framing) {
  return framing == Framing::kChunked || framing == Framing::kGzipChunked;
}
inline constexpr bool is_compressed(Framing framing) { return framing >= Framing::kGzipChunked; }

/// `payload` in one chunk, or bare.
FrameRef make_frame(Framing framing, std::string_view payload, const FrameRef::About& about);

/// Makes frames of events, through one buffer that it reuses: one allocation a frame.
class FrameEncoder {
 public:
  /// Null when the dialect does not tell such an event.
  FrameRef encode(const Dialect& dialect, Framing framing, const Topic& topic, const Event& event);

 private:
  std::string payload_;
};

}  // namespace progressd
