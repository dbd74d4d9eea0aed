#include "net/http/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/ensure.h"
#include "core/base/json_read.h"

namespace progressd {
namespace {

/// A body is given room for so much at once; more when it really comes.
constexpr std::size_t kBodyReserveBytesMax = 64 * 1024;

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

/// Source: RFC 3986, section 3.2.2: the bytes of a host and a port.
bool is_host(std::string_view host) {
  static constexpr std::array<bool, 256> kAllowed = [] {
    std::array<bool, 256> allowed{};
    for (unsigned char c = '0'; c <= '9'; ++c) allowed[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) allowed[c] = allowed[c - 'a' + 'A'] = true;
    for (const char c : std::string_view("-._~%!$&'()*+,;=:[]")) {
      allowed[static_cast<unsigned char>(c)] = true;
    }
    return allowed;
  }();
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return kAllowed[static_cast<unsigned char>(c)]; });
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
    s.on_body = [](llhttp_t* p, const char* at, std::size_t n) noexcept {
      return self(p).on_body({at, n});
    };
    s.on_message_complete = [](llhttp_t* p) noexcept { return self(p).on_message_end(); };
    return s;
  }();
  return kSettings;
}

RequestParser::RequestParser(const HttpLimits& limits) : limits_(limits) { reset(); }

void RequestParser::reset() {
  llhttp_init(&llhttp_, HTTP_REQUEST, &settings());
  llhttp_.data = this;
  stage_ = Stage::kIdle;
  request_.clear();
  head_bytes_ = 0;
  value_goes_on_ = nullptr;
  last_byte_ = 0;
  continue_wanted_ = false;
  error_status_ = 0;
  error_detail_.clear();
}

void RequestParser::next() {
  ENSURE(stage_ == Stage::kComplete);
  llhttp_resume(&llhttp_);
  request_.clear();
  head_bytes_ = 0;
  stage_ = Stage::kIdle;
}

std::size_t RequestParser::feed(std::string_view bytes) {
  // A value that the bytes before left open goes on with the first byte, unless its line ended.
  const bool line_ended = last_byte_ == '\r' || last_byte_ == '\n';
  if (value_goes_on_ != nullptr && !line_ended) value_goes_on_ = bytes.data();
  const llhttp_errno_t error = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (!bytes.empty()) last_byte_ = bytes.back();
  if (error == HPE_OK) return bytes.size();
  if (error == HPE_PAUSED && stage_ == Stage::kComplete) {
    return static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - bytes.data());
  }
  if (error_status_ == 0) {
    error_status_ = error == HPE_INVALID_VERSION ? 505 : 400;
    error_detail_ = fmt::format("not HTTP/1.1: {}", llhttp_get_error_reason(&llhttp_));
  }
  stage_ = Stage::kFailed;
  return bytes.size();
}

int RequestParser::refuse(int status, std::string detail) {
  error_status_ = status;
  error_detail_ = std::move(detail);
  return HPE_USER;
}

int RequestParser::count_head(std::size_t bytes) {
  head_bytes_ += bytes;
  if (head_bytes_ <= limits_.header_bytes_max) return 0;
  return refuse(431, fmt::format("the header takes more than {} bytes", limits_.header_bytes_max));
}

int RequestParser::on_url(std::string_view part) {
  if (request_.target.size() + part.size() > limits_.url_bytes_max) {
    return refuse(414, fmt::format("the URL takes more than {} bytes", limits_.url_bytes_max));
  }
  request_.target.append(part);
  return count_head(part.size());
}

int RequestParser::on_field(std::string_view part) {
  request_.append_field_name(part);
  return count_head(part.size());
}

int RequestParser::on_value(std::string_view part) {
  // RFC 9112, section 5.2: a value folded over lines is refused. llhttp joins the lines, but their
  // parts are not neighbours.
  if (value_goes_on_ != nullptr && value_goes_on_ != part.data()) {
    return refuse(400, "a header field is folded over lines");
  }
  value_goes_on_ = part.data() + part.size();
  request_.append_field_value(part);
  return count_head(part.size());
}

int RequestParser::on_header_end() {
  if (request_.header_count() >= limits_.headers_max) {
    return refuse(431, fmt::format("more than {} header fields", limits_.headers_max));
  }
  // RFC 9110, section 6.5.1: a trailer is not merged into the header; nobody here asks for one.
  stage_ == Stage::kBody ? request_.drop_field() : request_.end_field();
  value_goes_on_ = nullptr;
  return 0;
}

int RequestParser::on_headers_end() {
  request_.method = method_of(llhttp_get_method(&llhttp_));
  request_.minor_version = llhttp_get_http_minor(&llhttp_);
  if (llhttp_get_http_major(&llhttp_) != 1 || request_.minor_version > 1) {
    return refuse(505, "HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (request_.count_headers("Transfer-Encoding") > 0) {
    if (request_.minor_version == 0) return refuse(400, "Transfer-Encoding: not with HTTP/1.0");
    if (!equals_ignoring_case(request_.header_list("Transfer-Encoding"), "chunked")) {
      return refuse(501, "Transfer-Encoding: only chunked is known");
    }
  }
  const std::size_t hosts = request_.count_headers("Host");
  if (hosts > 1 || (hosts == 0 && request_.minor_version == 1)) {
    return refuse(400, hosts == 0 ? "Host: is missing" : "Host: was sent more than once");
  }
  if (!is_host(request_.header("Host").value_or(""))) return refuse(400, "Host: is malformed");
  if (!request_.read_target()) return refuse(400, "the request target is malformed");
  const std::string_view encoding = request_.header("Content-Encoding").value_or("identity");
  if (!equals_ignoring_case(encoding, "identity")) {
    return refuse(415, "Content-Encoding: send the body as it is");
  }
  if (llhttp_.content_length > limits_.body_bytes_max) {
    return refuse(413, fmt::format("the body takes more than {} bytes", limits_.body_bytes_max));
  }
  if (const auto expect = request_.header("Expect"); expect && request_.minor_version == 1) {
    if (!equals_ignoring_case(*expect, "100-continue")) {
      return refuse(417, "Expect: only 100-continue is known");
    }
    continue_wanted_ = llhttp_.content_length > 0 || (llhttp_.flags & F_CHUNKED) != 0;
  }
  llhttp_.upgrade = 0;  // an Upgrade is an offer; it is not taken, and the request is answered
  stage_ = Stage::kBody;
  request_.body.reserve(std::min<std::size_t>(llhttp_.content_length, kBodyReserveBytesMax) +
                        kJsonPaddingBytes);
  return 0;
}

int RequestParser::on_message_end() {
  request_.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  stage_ = Stage::kComplete;
  return HPE_PAUSED;  // one request at a time
}

int RequestParser::on_body(std::string_view part) {
  continue_wanted_ = false;  // the client did not wait
  std::string& body = request_.body;
  if (body.size() + part.size() > limits_.body_bytes_max) {
    return refuse(413, fmt::format("the body takes more than {} bytes", limits_.body_bytes_max));
  }
  if (body.capacity() < body.size() + part.size() + kJsonPaddingBytes) {
    body.reserve((body.size() + part.size()) * 2 + kJsonPaddingBytes);
  }
  body.append(part);
  return 0;
}

}  // namespace progressd
