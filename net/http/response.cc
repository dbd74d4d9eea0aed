#include "net/http/response.h"

#include <array>
#include <ctime>

#include "core/base/append.h"
#include "core/base/digits.h"
#include "core/base/json_write.h"
#include "core/base/utf8.h"

namespace progressd {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

/// `name` is a literal with its colon and space.
void append_header(std::string_view name, std::string_view value, std::string& out) {
  append_all(out, name, value, "\r\n");
}

void append_status(int status, std::string_view date, std::string& out) {
  append_all(out, "HTTP/1.1 ", Digits(status).view(), " ", reason(status), "\r\nDate: ", date,
             "\r\n");
}

}  // namespace

int status_of(Errc code) {
  switch (code) {
    case Errc::kMalformed:
      return 400;
    case Errc::kUnauthorized:
      return 401;
    case Errc::kForbidden:
      return 403;
    case Errc::kNotFound:
      return 404;
    case Errc::kConflict:
      return 409;
    case Errc::kPreconditionFailed:
      return 412;
    case Errc::kUnsupportedType:
      return 415;
    case Errc::kInvalid:
      return 422;
    case Errc::kTooMany:
      return 429;
    case Errc::kOverloaded:
    case Errc::kUnavailable:
      return 503;
  }
  return 500;
}

Response json_response(int status, std::string_view body) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body.reserve(body.size() + 1);
  response.body.append(body).push_back('\n');  // for those who read it in a terminal
  return response;
}

Response problem(int status, std::string_view detail, int retry_after_seconds) {
  JsonWriter json;
  json.begin_object();
  json.field("type", "about:blank");
  json.field("title", reason(status));
  json.field("status", std::int64_t{status});
  json.field("detail", to_utf8(detail));
  json.end_object();
  Response response = json_response(status, json.view());
  response.content_type = "application/problem+json";
  if (retry_after_seconds > 0) response.with("Retry-After", std::to_string(retry_after_seconds));
  return response;
}

Response problem(const Error& error) {
  const int status = status_of(error.code);
  return problem(status, error.detail, status == 503 || status == 429 ? 5 : 0);
}

void append_response(const Response& response, const ResponseContext& context,
                     std::string_view date, std::string_view lines, std::string& out) {
  append_status(response.status, date, out);
  if (!response.content_type.empty()) append_header("Content-Type: ", response.content_type, out);
  // RFC 9110, section 8.6: no Content-Length with these two.
  if (response.status != 204 && response.status != 304) {
    append_header("Content-Length: ", Digits(response.body.size()).view(), out);
  }
  for (const auto& [name, value] : response.headers) {
    append_all(out, name, ": ", value, "\r\n");
  }
  if (!context.keep_alive || response.close) {
    out.append("Connection: close\r\n");
  } else if (context.minor_version == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  const bool has_body = !context.is_head && response.status != 304;
  append_all(out, lines, "X-Content-Type-Options: nosniff\r\n\r\n",
             has_body ? std::string_view(response.body) : std::string_view());
}

void append_stream_head(Framing framing, bool varies, std::string_view date, std::string_view lines,
                        std::string& out) {
  append_status(200, date, out);
  out.append(
      "Content-Type: text/event-stream\r\n"
      "Cache-Control: no-store, no-transform\r\n"
      "X-Accel-Buffering: no\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "Connection: close\r\n");
  if (is_chunked(framing)) append_header("Transfer-Encoding: ", "chunked", out);
  if (is_compressed(framing)) append_header("Content-Encoding: ", "gzip", out);
  if (varies) append_header("Vary: ", "Accept, Accept-Encoding", out);
  out.append(lines);
  out.append("\r\n");
}

std::string imf_fixdate(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts;
  gmtime_r(&time, &parts);
  std::array<char, 40> text;
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text.data(), size);
}

}  // namespace progressd
