// Why: the bytes of a response body out of the bytes of the wire, for the three ways in which HTTP
//      says where a body ends. Incremental, with 16 bytes of state, and compacting in place, so
//      that the SSE reader always sees the body as one piece.
//
//        wire   7a\r\n| event …\n\n |\r\n7b\r\n| event …\n\n |\r\n
//        body         | event …\n\n | event …\n\n |
#pragma once

#include <cstddef>
#include <cstdint>

namespace sseload {

/// Where one body is. A fresh one comes from one of the three makers.
struct BodyState {
  enum class Framing : std::uint8_t { kChunked, kLength, kUntilClose };
  enum class Phase : std::uint8_t {
    kSize,
    kExtension,
    kSizeLf,
    kBytes,
    kBytesCr,
    kBytesLf,
    kTrailerStart,
    kTrailer,
    kTrailerLf,
    kLastLf,
    kDone,
    kBad,
  };

  std::uint64_t left = 0;  ///< bytes of the chunk or body still to come
  Framing framing = Framing::kUntilClose;
  Phase phase = Phase::kBytes;
  std::uint8_t size_digits = 0;

  static BodyState chunked() { return {0, Framing::kChunked, Phase::kSize, 0}; }
  static BodyState until_close() { return {0, Framing::kUntilClose, Phase::kBytes, 0}; }
  static BodyState of_length(std::uint64_t bytes) {
    return {bytes, Framing::kLength, bytes == 0 ? Phase::kDone : Phase::kBytes, 0};
  }

  bool is_done() const { return phase == Phase::kDone; }
  bool is_bad() const { return phase == Phase::kBad; }
};

struct Decoded {
  std::size_t wire_bytes;  ///< taken from the input; less than given only when done or bad
  std::size_t body_bytes;  ///< written to the output
};

/// Shape:  `body` may be `wire` or lie before it in the same buffer.
/// Errors: anything that RFC 9112 7.1 does not allow, a bare LF included, leaves the state bad.
Decoded decode_body(BodyState& state, const char* wire, std::size_t wire_bytes, char* body);

}  // namespace sseload
