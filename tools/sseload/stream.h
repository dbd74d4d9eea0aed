// Why: what one connection keeps between two reads; there are many, so it is packed.
#pragma once

#include <cstdint>
#include <memory>

#include "body_decoder.h"
#include "clock.h"
#include "order_check.h"
#include "sse_reader.h"

namespace sseload {

enum class StreamState : std::uint8_t {
  kIdle,        ///< not begun, or waiting to reconnect
  kConnecting,  ///< the request is not sent yet
  kHead,        ///< waiting for the response head
  kOpen,
  kStuck,  ///< has its head, and does not read
  kEnded,
};

struct Stream {
  std::unique_ptr<char[]> carry;  ///< bytes of the head or event that is cut, already decoded
  std::uint32_t carry_bytes = 0;
  int fd = -1;
  BodyState body;
  IdState id;
  SeqState seq;
  /// kConnecting, kHead: when it began. Then, with --pace: when number 0 was due at the latest.
  Nanoseconds since_ns = 0;
  std::uint32_t events = 0;  ///< those that --expect-events counts
  StreamState state = StreamState::kIdle;
  SseState sse;
  bool was_open : 1 = false;
  bool saw_terminal : 1 = false;
  bool was_stuck : 1 = false;  ///< may have missed what was conflated
  bool has_pace : 1 = false;
};
static_assert(sizeof(Stream) <= 96, "a stream costs tens of bytes");

}  // namespace sseload
