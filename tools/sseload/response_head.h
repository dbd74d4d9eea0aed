// Why: the status line and the few headers that decide how a response goes on. Shared by streams
//      and publish connections; keeps nothing between calls.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "body_decoder.h"

namespace sseload {

struct ResponseHead {
  int status = 0;
  std::size_t bytes = 0;  ///< of the head, its empty line included
  BodyState body;
  bool is_event_stream = false;
  bool is_gzip = false;
  bool closes = false;  ///< the server takes no further request on this connection
};

enum class HeadState { kComplete, kIncomplete, kBad };

inline constexpr std::size_t kHeadBytesMax = 32 * 1024;

/// Source: RFC 9112 sections 4 to 6. A length beside chunked, or two lengths that differ, is bad.
HeadState parse_response_head(std::string_view received, ResponseHead& head);

}  // namespace sseload
