#include "net/http/line_rules.h"

#include <algorithm>

namespace progressd {
namespace {

constexpr std::string_view kLoneCr = "a CR stands without its LF";
constexpr std::string_view kProtocol = "HTTP/";
constexpr std::size_t kChunkSizeBytes = 9;  // 8 digits and a CR

}  // namespace

void LineRules::begin() {
  head_bytes_ = line_bytes_ = chunk_extra_bytes_ = 0;
  fault_ = {};
  kind_ = Kind::kRequestLine;
  after_cr_ = after_space_ = false;
  spaces_ = protocol_bytes_ = 0;
}

std::size_t LineRules::check(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view text = bytes.substr(at, end - at);  // with its CR
    const std::size_t good = check_text(text);
    if (good < text.size()) return at + good;
    line_bytes_ += text.size();
    if (!text.empty()) after_cr_ = text.back() == '\r';
    if (end == bytes.size()) break;
    if (!after_cr_) return refuse(end, 400, "an LF stands without its CR");
    at = end + 1;
    if (end_line()) return at;
  }
  return bytes.size();
}

std::size_t LineRules::check_text(std::string_view text) {
  if (text.empty()) return 0;
  if (line_bytes_ == 0 && kind_ == Kind::kField) {
    if (text.front() == ' ' || text.front() == '\t') {
      return refuse(0, 400, "a header field is folded over lines");
    }
    if (text.front() == ':') return refuse(0, 400, "a header field has no name");
  }
  if (kind_ == Kind::kChunkSize) {
    const std::size_t room = kChunkSizeBytes + kChunkExtraBytesMax - chunk_extra_bytes_;
    if (line_bytes_ + text.size() <= room) return text.size();
    return refuse(room - std::min(room, line_bytes_), 400, "the sizes of chunks say too much");
  }
  std::size_t good = text.size();
  if (kind_ == Kind::kRequestLine) good = check_request_line(text);
  const std::size_t room = head_bytes_max_ - head_bytes_;
  if (good > room) good = refuse(room, 431, "the header takes more bytes than are allowed");
  head_bytes_ += good;
  return good;
}

std::size_t LineRules::check_request_line(std::string_view text) {
  if (after_cr_ && line_bytes_ > 0) return refuse(0, 400, kLoneCr);
  if (const std::size_t cr = text.find('\r'); cr < text.size() - 1) {
    return refuse(cr + 1, 400, kLoneCr);
  }
  std::size_t at = 0;
  while (spaces_ < 2) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    if (space > at) after_space_ = false;
    if (space == text.size()) return space;
    if (after_space_) return refuse(space, 400, "the request line has two spaces side by side");
    after_space_ = true;
    ++spaces_;
    at = space + 1;
  }
  const std::string_view version = text.substr(at);
  const std::string_view wanted = kProtocol.substr(protocol_bytes_, version.size());
  if (!version.starts_with(wanted)) return refuse(at, 400, "this is no request of HTTP");
  protocol_bytes_ = static_cast<std::uint8_t>(protocol_bytes_ + wanted.size());
  const std::size_t space = version.find(' ');
  if (space == std::string_view::npos) return text.size();
  return refuse(at + space, 400, "the request line has too many spaces");
}

bool LineRules::end_line() {
  const std::size_t length = line_bytes_;
  const bool is_empty = length == 1;  // the CR
  line_bytes_ = 0;
  after_cr_ = false;
  if (kind_ == Kind::kChunkSize) {
    chunk_extra_bytes_ += length - std::min(length, kChunkSizeBytes);
    return true;
  }
  if (is_empty) return kind_ == Kind::kField;  // empty ones may stand before a request
  kind_ = Kind::kField;
  return false;
}

std::size_t LineRules::refuse(std::size_t at, int status, std::string_view detail) {
  fault_ = {status, detail};
  return at;
}

}  // namespace progressd
