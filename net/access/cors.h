// Which pages of other origins may read the answers: the CORS headers of every answer, good or bad,
// and of every stream; and the answer to a preflight.
//
//   origins given   a named origin asks       another one asks    nobody says who asks
//   none            -                         -                   -
//   *               *                         *                   *
//   named           its name, credentials     -                   -
//   null named      null, no credentials      -                   -
//   named and *     its name, credentials     *                   *
//
// `null` is what any page says that is in a sandbox, in a file, or came by a redirect: to name it
// is to name nobody.
//
// Where there are named ones, the answer depends on who asks, and says so with Vary.
// Source: the WHATWG Fetch standard, "HTTP extensions", CORS protocol.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "net/http/request.h"
#include "net/http/response.h"

namespace progressd {

inline constexpr std::size_t kCorsOriginsMax = 100;
inline constexpr std::string_view kAnyOrigin = "*";
inline constexpr std::string_view kNullOrigin = "null";

/// An origin as browsers write it (`https://app.example:8443`, `null`), or `*`.
/// Errors: kInvalid, for what no browser would send: then nothing would ever be equal to it.
Result<std::string> parse_origin(std::string_view text);

class Cors {
 public:
  /// `origins`: of parse_origin(), at most kCorsOriginsMax.
  explicit Cors(const std::vector<std::string>& origins);

  /// Whether the page that sent the request may read its answer.
  bool allows(const Request& request) const;
  /// Whether it may, where the browser added a cookie by itself: only a named origin's may.
  bool allows_credentials(const Request& request) const {
    const Named* const one = named(request);
    return one != nullptr && one->origin != kNullOrigin;
  }
  /// Header lines for an answer to this request, each with its line end; good as long as this
  /// object is.
  std::string_view header_lines(const Request& request) const;
  /// The answer to a preflight, without the header lines above; none when the request is no
  /// preflight. It asks for no token: a browser sends none with it.
  std::optional<Response> preflight(const Request& request) const;

 private:
  struct Named {
    std::string origin;
    std::string header_lines;
  };
  /// Null when the request comes from none of them.
  const Named* named(const Request& request) const;

  bool any_ = false;
  std::vector<Named> named_;
  std::string other_header_lines_;  // for who is not named
};

}  // namespace progressd
