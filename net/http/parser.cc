#include "net/http/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"
#include "core/base/json_read.h"

namespace progressd {
namespace {

/// A body is given room for so much at once, and for more when it really comes: announcing costs
/// nothing.
constexpr std::size_t kBodyReserveBytesMax = 4 * 1024;

Method method_of(std::uint8_t method) {
  switch (method) {
    case HTTP_GET:
      return Method::kGet;
    case HTTP_HEAD:
      return Method::kHead;
    case HTTP_POST:
      return Method::kPost;
    case HTTP_PATCH:
      return Method::kPatch;
    case HTTP_DELETE:
      return Method::kDelete;
    case HTTP_OPTIONS:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

RequestParser& self(llhttp_t* llhttp) { return *static_cast<RequestParser*>(llhttp->data); }

}  // namespace

const llhttp_settings_t& RequestParser::settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = [](llhttp_t* p) noexcept { return self(p).stage_ = Stage::kHead, 0; };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t n) noexcept {
      return self(p).on_url({at, n});
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) noexcept {
      return self(p).on_field({at, n});
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) noexcept {
      return self(p).on_value({at, n});
    };
    s.on_header_value_complete = [](llhttp_t* p) noexcept { return self(p).on_header_end(); };
    s.on_headers_complete = [](llhttp_t* p) noexcept { return self(p).on_headers_end(); };
    s.on_chunk_header = [](llhttp_t* p) noexcept { return self(p).on_chunk_size(); };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t n) noexcept {
      return self(p).on_body({at, n});
    };
    s.on_message_complete = [](llhttp_t* p) noexcept { return self(p).on_message_end(); };
    return s;
  }();
  return kSettings;
}

RequestParser::RequestParser(const HttpLimits& limits, OnHead on_head)
    : limits_(limits), lines_(limits.header_bytes_max), on_head_(std::move(on_head)) {
  reset();
}

void RequestParser::reset() {
  llhttp_init(&llhttp_, HTTP_REQUEST, &settings());
  llhttp_.data = this;
  stage_ = Stage::kIdle;
  request_.clear();
  give_room_back();
  known_.bytes.clear();
  lines_.begin();
  chunk_left_ = 0;
  continue_wanted_ = false;
  error_status_ = 0;
  error_detail_.clear();
}

void RequestParser::next() {
  ENSURE(stage_ == Stage::kComplete);
  llhttp_resume(&llhttp_);
  llhttp_.method = 0;  // as at first: what is refused before its method is read is no HEAD
  request_.clear_but_fields();
  give_room_back();
  lines_.begin();
  stage_ = Stage::kIdle;
}

std::size_t RequestParser::feed(std::string_view bytes) {
  std::size_t taken = stage_ == Stage::kIdle ? begin(bytes) : 0;
  while (taken < bytes.size() && stage_ != Stage::kComplete && stage_ != Stage::kFailed) {
    const bool is_new = stage_ == Stage::kIdle;
    const std::string_view piece = next_piece(bytes.substr(taken));
    take(piece);
    if (stage_ == Stage::kComplete) {
      return taken + static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - piece.data());
    }
    taken += piece.size();
    if (is_new && stage_ == Stage::kBody) remember_fields(piece);
  }
  return stage_ == Stage::kFailed ? bytes.size() : taken;
}

void RequestParser::take(std::string_view piece) {
  const llhttp_errno_t error = llhttp_execute(&llhttp_, piece.data(), piece.size());
  if (error == HPE_PAUSED && stage_ == Stage::kComplete) return;
  if (error != HPE_OK && error_status_ == 0) {
    refuse(error == HPE_INVALID_VERSION ? 505 : 400,
           fmt::format("not HTTP/1.1: {}", llhttp_get_error_reason(&llhttp_)));
  } else if (error == HPE_OK && lines_.fault().status != 0) {
    refuse(lines_.fault().status, std::string(lines_.fault().detail));
  }
  if (error_status_ != 0) stage_ = Stage::kFailed;
}

std::size_t RequestParser::begin(std::string_view bytes) {
  const std::size_t line_bytes = bytes.find('\n') + 1;  // 0 without an end
  const std::size_t head_bytes = line_bytes + known_.bytes.size();
  // The limits may be others than they were.
  if (known_.bytes.empty() || line_bytes == 0 ||
      !bytes.substr(0, line_bytes).ends_with(known_.line_end) ||
      !bytes.substr(line_bytes).starts_with(known_.bytes) ||
      head_bytes > limits_.header_bytes_max || request_.header_count() > limits_.headers_max) {
    forget_fields();
    return 0;
  }
  const std::size_t good = lines_.check(bytes.substr(0, line_bytes));
  take(bytes.substr(0, good));
  if (stage_ == Stage::kFailed) return good;
  const llhttp_t& known = known_.behind;
  if (stage_ != Stage::kHead || llhttp_.method != known.method) {
    forget_fields();
    return good;
  }
  llhttp_ = known;
  if (begin_body() != 0) stage_ = Stage::kFailed;
  return head_bytes;
}

void RequestParser::remember_fields(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\n') + 1);
  const std::string_view fields = head.substr(line.size());
  // Empty lines may stand before a request line: they are none. Where a body is in chunks,
  // LineRules would have to know of the fields, too.
  if (line.size() < kVersionBytes || is_chunked() || fields.size() > kKnownFieldsBytesMax) return;
  known_.line_end = line.substr(line.size() - kVersionBytes);
  known_.bytes = fields;
  known_.behind = llhttp_;
}

void RequestParser::forget_fields() {
  known_.bytes.clear();
  request_.clear_fields();
}

std::string_view RequestParser::next_piece(std::string_view bytes) {
  if (stage_ != Stage::kBody) return bytes.substr(0, lines_.check(bytes));
  if (!is_chunked()) return bytes;
  if (chunk_left_ == 0) return bytes.substr(0, lines_.check(bytes));
  const std::string_view data = bytes.substr(0, chunk_left_);
  chunk_left_ -= data.size();
  return data;
}

int RequestParser::refuse(int status, std::string detail) {
  error_status_ = status;
  error_detail_ = std::move(detail);
  return HPE_USER;
}

int RequestParser::on_url(std::string_view part) {
  if (request_.target.size() + part.size() > limits_.url_bytes_max) {
    return refuse(414, fmt::format("the URL takes more than {} bytes", limits_.url_bytes_max));
  }
  request_.target.append(part);
  return 0;
}

int RequestParser::on_field(std::string_view part) {
  request_.append_field_name(part);
  return 0;
}

int RequestParser::on_value(std::string_view part) {
  request_.append_field_value(part);
  return 0;
}

int RequestParser::on_header_end() {
  if (stage_ == Stage::kBody) {
    // RFC 9110, section 6.5.1: a trailer is not merged into the header; nobody here asks for one.
    request_.drop_field();
    return 0;
  }
  if (request_.header_count() >= limits_.headers_max) {
    return refuse(431, fmt::format("more than {} header fields", limits_.headers_max));
  }
  request_.end_field();
  return 0;
}

int RequestParser::on_headers_end() {
  request_.method = method_of(llhttp_get_method(&llhttp_));
  request_.minor_version = llhttp_get_http_minor(&llhttp_);
  if (llhttp_get_http_major(&llhttp_) != 1 || request_.minor_version > 1) {
    return refuse(505, "HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (const int refused = check_transfer_encoding(); refused != 0) return refused;
  const std::size_t hosts = request_.count_headers("Host");
  if (hosts > 1 || (hosts == 0 && request_.minor_version == 1)) {
    return refuse(400, hosts == 0 ? "Host: is missing" : "Host: was sent more than once");
  }
  const std::string_view host = request_.header("Host").value_or("");
  if (!host.empty() && !is_host(host)) return refuse(400, "Host: is malformed");
  if (llhttp_get_method(&llhttp_) == HTTP_CONNECT) return refuse(400, "this is no proxy");
  return begin_body();
}

int RequestParser::begin_body() {
  if (!request_.read_target()) return refuse(400, "the request target is malformed");
  const std::string_view encoding = request_.header("Content-Encoding").value_or("identity");
  if (!equals_ignoring_case(encoding, "identity")) {
    return refuse(415, "Content-Encoding: send the body as it is");
  }
  if (llhttp_.content_length > limits_.body_bytes_max) {
    return refuse(413, fmt::format("the body takes more than {} bytes", limits_.body_bytes_max));
  }
  const bool has_body = llhttp_.content_length > 0 || is_chunked();
  if (const auto expect = request_.header("Expect"); expect && request_.minor_version == 1) {
    if (!equals_ignoring_case(*expect, "100-continue")) {
      return refuse(417, "Expect: only 100-continue is known");
    }
    continue_wanted_ = has_body;
  }
  if (has_body && on_head_ && !on_head_()) return refuse(400, "answered already");
  llhttp_.upgrade = 0;  // an Upgrade is an offer; it is not taken, and the request is answered
  stage_ = Stage::kBody;
  if (is_chunked()) lines_.begin_chunks();
  request_.body.reserve(std::min<std::size_t>(llhttp_.content_length, kBodyReserveBytesMax) +
                        kJsonPaddingBytes);
  return 0;
}

int RequestParser::check_transfer_encoding() {
  if (request_.count_headers("Transfer-Encoding") == 0) return 0;
  if (request_.minor_version == 0) return refuse(400, "Transfer-Encoding: not with HTTP/1.0");
  const std::string codings = request_.header_list("Transfer-Encoding");
  if (equals_ignoring_case(codings, "chunked")) return 0;
  // RFC 9112, section 6.3: where chunked is not the last one, nobody knows where the body ends.
  int times_chunked = 0;
  bool ends_chunked = false;
  for (std::string_view rest = codings; !rest.empty();) {
    const std::string_view coding = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(coding.size() + 1, rest.size()));
    ends_chunked = equals_ignoring_case(trimmed(coding), "chunked");
    times_chunked += ends_chunked ? 1 : 0;
  }
  if (!ends_chunked || times_chunked > 1) {
    return refuse(400, "Transfer-Encoding: chunked must stand at the end, once");
  }
  return refuse(501, "Transfer-Encoding: only chunked is known");
}

int RequestParser::on_chunk_size() {
  chunk_left_ = llhttp_.content_length;
  if (chunk_left_ > limits_.body_bytes_max - request_.body.size()) {
    return refuse(413, fmt::format("the body takes more than {} bytes", limits_.body_bytes_max));
  }
  if (chunk_left_ == 0) lines_.begin_trailers();
  return 0;
}

int RequestParser::on_message_end() {
  request_.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  stage_ = Stage::kComplete;
  return HPE_PAUSED;  // one request at a time
}

bool RequestParser::take_room(std::size_t bytes) {
  if (bodies_bytes_ != nullptr) {
    const std::size_t others = *bodies_bytes_ - room_bytes_;
    // One alone is taken whatever it takes: it has a bound of its own.
    if (others > 0 && others + bytes > limits_.bodies_bytes_max) return false;
    *bodies_bytes_ += bytes - room_bytes_;
    room_bytes_ = bytes;
  }
  request_.body.reserve(bytes);
  return true;
}

void RequestParser::give_room_back() {
  if (bodies_bytes_ != nullptr) *bodies_bytes_ -= room_bytes_;
  room_bytes_ = 0;
}

int RequestParser::on_body(std::string_view part) {
  continue_wanted_ = false;  // the client did not wait
  std::string& body = request_.body;
  if (body.size() + part.size() > limits_.body_bytes_max) {
    return refuse(413, fmt::format("the body takes more than {} bytes", limits_.body_bytes_max));
  }
  if (body.capacity() < body.size() + part.size() + kJsonPaddingBytes) {
    if (!take_room((body.size() + part.size()) * 2 + kJsonPaddingBytes)) {
      return refuse(503, "too many requests with large bodies at once");
    }
  }
  body.append(part);
  return 0;
}

}  // namespace progressd
