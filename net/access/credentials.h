// Where a request says who sends it: `Authorization`, else a cookie, else the query. The first of
// them that has a token decides, good or bad, so that a stale one is noticed and not papered over.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "net/http/request.h"
#include "net/http/response.h"

namespace progressd {

inline constexpr std::string_view kTokenCookie = "progressd_token";
inline constexpr std::string_view kTokenParameter = "access_token";

struct Credentials {
  /// Errors: kUnauthorized, where none was sent, or none that can be read.
  /// Good as long as the request is.
  Result<std::string_view> token;
  /// Whether one was sent, however badly.
  bool token_sent;
};

/// What a browser sends by itself, whichever page makes it ask; none when it has none.
std::optional<std::string_view> token_cookie(const Request& request);

/// Whether a token stands in the header, however badly. Of the schemes of Authorization it is the
/// one that no browser uses by itself.
bool has_bearer(const Request& request);

/// The first place that has a token decides: `Authorization: Bearer`, the cookie, the query.
/// `query_token`: whether `?access_token=` counts.
Credentials credentials_of(const Request& request, bool query_token);

/// 401 with its challenge. `token_sent`: then the error is about that token.
/// Source: RFC 9110, section 11.6.1; RFC 6750, section 3.
Response unauthorized(const Error& error, bool token_sent);

}  // namespace progressd
