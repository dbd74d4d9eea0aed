// Why: the little that the floor looks at in a request. This is no parser: nothing is validated,
// and
//      a request that is not one of the harness's own does what it likes. That is the point: what a
//      real server pays for parsing shows as its distance from the floor.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace floor_server {

struct Request {
  bool is_stream = false;  ///< GET: answer with a head and never end
  std::uint32_t topic = 0;
  std::string_view body;
  std::size_t bytes = 0;  ///< head and body
};

/// The number at the front of `text`, or `otherwise`.
inline std::uint32_t number_at(std::string_view text, std::uint32_t otherwise) {
  std::uint32_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The number behind the first `mark` in `text`, or `otherwise`.
inline std::uint32_t number_after(std::string_view text, std::string_view mark,
                                  std::uint32_t otherwise) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return otherwise;
  return number_at(text.substr(at + mark.size()), otherwise);
}

/// Takes the first request of `received`; nothing while it is not complete.
inline std::optional<Request> take_request(std::string_view received) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  const std::size_t head_end = received.find(kHeadEnd);
  if (head_end == std::string_view::npos) return std::nullopt;
  const std::string_view head = received.substr(0, head_end);
  const std::string_view request_line = head.substr(0, head.find('\r'));
  Request request;
  request.is_stream = head.starts_with("GET ");
  request.topic = number_after(request_line, "/job-", 0);
  request.bytes = head_end + kHeadEnd.size();
  if (request.is_stream) return request;
  const std::size_t body_bytes = number_after(head, "\r\nContent-Length: ", 0);
  if (received.size() - request.bytes < body_bytes) return std::nullopt;
  request.body = received.substr(request.bytes, body_bytes);
  request.bytes += body_bytes;
  return request;
}

}  // namespace floor_server
