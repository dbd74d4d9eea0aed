#include "net/http/line_rules.h"

#include <algorithm>

namespace progressd {
namespace {

constexpr std::string_view kProtocol = "HTTP/";
constexpr std::size_t kChunkDigits = 8;

}  // namespace

void LineRules::begin() {
  head_bytes_ = line_bytes_ = chunk_extra_bytes_ = 0;
  fault_ = {};
  kind_ = Kind::kRequestLine;
  after_cr_ = after_space_ = false;
  spaces_ = protocol_bytes_ = 0;
}

std::size_t LineRules::check(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (after_cr_) {
      if (bytes[at] != '\n') return refuse(at, 400, "a CR stands without its LF");
      ++at;
      after_cr_ = false;
      if (end_line()) return at;
      continue;
    }
    const std::size_t end = std::min(bytes.find('\r', at), bytes.size());
    const std::string_view text = bytes.substr(at, end - at);
    const std::size_t good = check_text(text);
    if (good < text.size()) return at + good;
    line_bytes_ += text.size();
    at = end;
    if (at == bytes.size()) break;
    ++at;
    after_cr_ = true;
  }
  return at;
}

std::size_t LineRules::check_text(std::string_view text) {
  if (text.empty()) return 0;
  if (kind_ == Kind::kField && line_bytes_ == 0) {
    if (text.front() == ' ' || text.front() == '\t') {
      return refuse(0, 400, "a header field is folded over lines");
    }
    if (text.front() == ':') return refuse(0, 400, "a header field has no name");
  }
  std::size_t good = std::min(text.find('\n'), text.size());
  if (good < text.size()) refuse(good, 400, "an LF stands without its CR");
  if (kind_ == Kind::kChunkSize) {
    const std::size_t room = kChunkDigits + kChunkExtraBytesMax - chunk_extra_bytes_;
    if (line_bytes_ + good > room) {
      good = refuse(room - std::min(room, line_bytes_), 400, "the sizes of chunks say too much");
    }
    return good;
  }
  if (kind_ == Kind::kRequestLine) good = check_request_line(text.substr(0, good));
  const std::size_t room = head_bytes_max_ - head_bytes_;
  if (good > room) good = refuse(room, 431, "the header takes more bytes than are allowed");
  head_bytes_ += good;
  return good;
}

std::size_t LineRules::check_request_line(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (spaces_ == 2) {  // the version, which llhttp reads
      if (protocol_bytes_ < kProtocol.size() && text[at] != kProtocol[protocol_bytes_++]) {
        return refuse(at, 400, "this is no request of HTTP");
      }
      if (text[at] == ' ') return refuse(at, 400, "the request line has too many spaces");
      continue;
    }
    const std::size_t space = std::min(text.find(' ', at), text.size());
    if (space > at) after_space_ = false;
    at = space;
    if (at == text.size()) break;
    if (after_space_) return refuse(at, 400, "the request line has two spaces side by side");
    after_space_ = true;
    ++spaces_;
  }
  return text.size();
}

bool LineRules::end_line() {
  const std::size_t length = line_bytes_;
  line_bytes_ = 0;
  if (kind_ == Kind::kChunkSize) {
    chunk_extra_bytes_ += length - std::min(length, kChunkDigits);
    return true;
  }
  if (kind_ == Kind::kRequestLine && length > 0)
    kind_ = Kind::kField;  // empty ones may stand before
  else if (kind_ == Kind::kField && length == 0)
    return true;
  constexpr std::size_t kLineEndBytes = 2;
  head_bytes_ = std::min(head_bytes_ + kLineEndBytes, head_bytes_max_);
  return false;
}

std::size_t LineRules::refuse(std::size_t at, int status, std::string_view detail) {
  fault_ = {status, detail};
  return at;
}

}  // namespace progressd
