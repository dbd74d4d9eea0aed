// Why: the socket calls of opening a stream, and nothing about streams.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "target_url.h"

namespace sseload {

/// A non-blocking socket whose connect has begun; -1 with errno otherwise.
/// `source`: IPv4 in host byte order; its port is chosen at connect, so that the 28,000 ports of
/// one address are there for each destination.
int open_socket(const TargetUrl& url, std::optional<std::uint32_t> source, int receive_buffer_bytes,
                int segment_bytes = 0);

enum class SendOutcome { kSent, kNotYet, kFailed };

/// A request on a fresh socket goes out whole or not yet at all; kFailed with errno.
SendOutcome send_request(int fd, std::string_view request);

/// Closes with a reset, so that tens of thousands of closed streams leave no TIME_WAIT behind.
void close_with_reset(int fd);

/// Raises the soft limit of descriptors to the hard one, and says what it is.
std::uint64_t raise_descriptor_limit();

}  // namespace sseload
