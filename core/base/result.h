// What may happen: a Result<T> holds a value or an Error. `detail` tells the caller what to change
// (the field, the bound), and never what only the log may know.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace progressd {

/// Why something was refused. net/http/response.cc holds the one table from here to HTTP statuses.
enum class Errc {
  kMalformed,           // 400: the bytes are not what they should be
  kUnauthorized,        // 401: nobody knows who asks
  kForbidden,           // 403: it is known who asks, and they may not
  kNotFound,            // 404
  kConflict,            // 409: the job's state does not allow it
  kPreconditionFailed,  // 412: If-Match
  kUnsupportedType,     // 415
  kInvalid,             // 422: well-formed, but a field is out of its range
  kTooMany,             // 429: this caller asks for more than one may have
  kOverloaded,          // 503: a bounded table is full
  kUnavailable,         // 503: what it takes is away
};

struct Error {
  Errc code;
  std::string detail;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errc code, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace progressd
