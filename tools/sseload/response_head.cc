#include "response_head.h"

#include <algorithm>
#include <charconv>

namespace sseload {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// True where `token` is one of the comma-separated words of `list`.
bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// "HTTP/1.x SSS …"; `is_old` is HTTP/1.0.
bool parse_status_line(std::string_view line, int& status, bool& is_old) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ') return false;
  is_old = line[7] == '0';
  const auto [end, code] = std::from_chars(line.data() + 9, line.data() + 12, status);
  if (code != std::errc() || end != line.data() + 12 || status < 100) return false;
  return line.size() == 12 || line[12] == ' ';
}

struct Framing {
  std::optional<std::uint64_t> length;
  bool is_chunked = false;
};

bool read_length(std::string_view value, Framing& framing) {
  std::uint64_t length = 0;
  const char* const last = value.data() + value.size();
  const auto [end, code] = std::from_chars(value.data(), last, length);
  if (code != std::errc() || end != last) return false;
  if (framing.length && *framing.length != length) return false;
  framing.length = length;
  return true;
}

bool read_header(std::string_view line, ResponseHead& head, Framing& framing) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (equals_ignoring_case(name, "content-length")) return read_length(value, framing);
  if (equals_ignoring_case(name, "transfer-encoding")) {
    framing.is_chunked = equals_ignoring_case(value, "chunked");
    return framing.is_chunked;
  }
  if (equals_ignoring_case(name, "content-type")) {
    head.is_event_stream =
        equals_ignoring_case(trim(value.substr(0, value.find(';'))), "text/event-stream");
  }
  if (equals_ignoring_case(name, "content-encoding")) {
    head.is_gzip = equals_ignoring_case(value, "gzip");
    return head.is_gzip;
  }
  if (equals_ignoring_case(name, "connection")) head.closes |= has_token(value, "close");
  return true;
}

}  // namespace

HeadState parse_response_head(std::string_view received, ResponseHead& head) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return received.size() > kHeadBytesMax ? HeadState::kBad : HeadState::kIncomplete;
  }
  head = ResponseHead{};
  head.bytes = end + 4;
  std::string_view lines = received.substr(0, end);
  std::size_t line_end = lines.find("\r\n");
  if (!parse_status_line(lines.substr(0, line_end), head.status, head.closes))
    return HeadState::kBad;
  Framing framing;
  while (line_end != std::string_view::npos) {
    lines.remove_prefix(line_end + 2);
    line_end = lines.find("\r\n");
    if (!read_header(lines.substr(0, line_end), head, framing)) return HeadState::kBad;
  }
  if (framing.is_chunked && framing.length) return HeadState::kBad;
  if (head.status < 200 || head.status == 204 || head.status == 304) {
    head.body = BodyState::of_length(0);
  } else if (framing.is_chunked) {
    head.body = BodyState::chunked();
  } else if (framing.length) {
    head.body = BodyState::of_length(*framing.length);
  } else {
    head.body = BodyState::until_close();
    head.closes = true;
  }
  return HeadState::kComplete;
}

}  // namespace sseload
