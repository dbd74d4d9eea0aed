#include "net/http/line_rules.h"

#include <algorithm>

namespace progressd {
namespace {

constexpr std::string_view kLoneCr = "a CR stands without its LF";
constexpr std::string_view kLoneLf = "an LF stands without its CR";
constexpr std::string_view kFolded = "a header field is folded over lines";
constexpr std::string_view kProtocol = "HTTP/";
constexpr std::size_t kChunkSizeBytes = 9;  // 8 digits and a CR

}  // namespace

void LineRules::begin() {
  head_bytes_ = line_bytes_ = chunk_extra_bytes_ = 0;
  fault_ = {};
  kind_ = Kind::kRequestLine;
  after_cr_ = after_space_ = is_whole_ = false;
  spaces_ = protocol_bytes_ = 0;
}

std::size_t LineRules::check(std::string_view bytes) {
  if (kind_ == Kind::kChunkSize) return check_chunk_size(bytes);
  const std::size_t room = head_bytes_max_ - std::min(head_bytes_max_, head_bytes_);
  if (bytes.size() <= room) return check_head(bytes);
  const std::size_t good = check_head(bytes.substr(0, room));
  if (good < room || is_whole_) return good;
  return refuse(good, 431, "the header takes more bytes than are allowed");
}

std::size_t LineRules::check_head(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const char first = bytes[at];
    if (line_bytes_ == 0 && kind_ == Kind::kField &&
        (first == ' ' || first == '\t' || first == ':')) {
      refuse(at, 400, first == ':' ? "a header field has no name" : kFolded);
      break;
    }
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    if (end > at) {
      if (kind_ == Kind::kRequestLine) {
        const std::string_view text = bytes.substr(at, end - at);
        if (const std::size_t good = check_request_line(text); good < text.size()) {
          at += good;
          break;
        }
      }
      line_bytes_ += end - at;
      after_cr_ = bytes[end - 1] == '\r';
      at = end;
    }
    if (end == bytes.size()) break;
    if (!after_cr_) {
      refuse(at, 400, kLoneLf);
      break;
    }
    ++at;
    const bool is_empty = line_bytes_ == 1;  // the CR
    line_bytes_ = 0;
    after_cr_ = false;
    if (!is_empty) {
      kind_ = Kind::kField;
    } else if (kind_ == Kind::kField) {  // and not one before a request
      is_whole_ = true;
      break;
    }
  }
  head_bytes_ += at;
  return at;
}

std::size_t LineRules::check_chunk_size(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::size_t room = kChunkSizeBytes + kChunkExtraBytesMax - chunk_extra_bytes_;
  if (line_bytes_ + end > room) {
    return refuse(room - std::min(room, line_bytes_), 400, "the sizes of chunks say too much");
  }
  line_bytes_ += end;
  if (end > 0) after_cr_ = bytes[end - 1] == '\r';
  if (end == bytes.size()) return end;
  if (!after_cr_) return refuse(end, 400, kLoneLf);
  chunk_extra_bytes_ += line_bytes_ - std::min(line_bytes_, kChunkSizeBytes);
  line_bytes_ = 0;
  after_cr_ = false;
  return end + 1;
}

std::size_t LineRules::check_request_line(std::string_view text) {
  if (after_cr_ && line_bytes_ > 0) return refuse(0, 400, kLoneCr);
  const std::size_t cr = text.find('\r');
  if (cr >= text.size() - 1) return check_words(text);
  // What is wrong before it is said first, as it is where the bytes come one by one.
  const std::size_t good = check_words(text.substr(0, cr + 1));
  return good <= cr ? good : refuse(good, 400, kLoneCr);
}

std::size_t LineRules::check_words(std::string_view text) {
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

std::size_t LineRules::refuse(std::size_t at, int status, std::string_view detail) {
  fault_ = {status, detail};
  return at;
}

}  // namespace progressd
