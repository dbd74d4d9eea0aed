// A response to a request, and its bytes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/stream/sse.h"
#include "net/http/request.h"

namespace progressd {

struct Response {
  int status = 200;
  std::string_view content_type;  // a literal; empty: no body
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // names are literals
  bool close = false;                                             // the connection, after it

  Response& with(std::string_view name, std::string value) {
    headers.emplace_back(name, std::move(value));
    return *this;
  }
};

Response json_response(int status, std::string_view body);

/// The one table from our errors to HTTP's.
int status_of(Errc code);

/// RFC 9457. `retry_after_seconds`, when above 0, becomes Retry-After.
Response problem(int status, std::string_view detail, int retry_after_seconds = 0);
Response problem(const Error& error);

/// How the request shapes its response.
struct ResponseContext {
  int minor_version;
  bool keep_alive;
  bool is_head;
};

/// Appends the whole response. `date`: an IMF-fixdate. `lines`: more header lines, each with its
/// end.
void append_response(const Response& response, const ResponseContext& context,
                     std::string_view date, std::string_view lines, std::string& out);

/// Appends the head of an event stream. `varies`: another client would get it compressed, or plain.
void append_stream_head(Framing framing, bool varies, std::string_view date, std::string_view lines,
                        std::string& out);

/// `Fri, 20 Nov 2026 23:42:05 GMT`
std::string imf_fixdate(std::int64_t unix_seconds);

}  // namespace progressd
