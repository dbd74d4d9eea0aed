// What a client asked for: its bytes, taken apart by the server's own parser.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "net/http/parser.h"

namespace progressd::fuzz {

/// A request, as far as the form of its answer depends on it.
struct Asked {
  std::string_view bytes;
  bool is_head = false;
  bool takes_gzip = false;  // its client sent an Accept-Encoding
  bool refused = false;     // it is no HTTP, or over a limit: the last one that is looked at
  bool whole = true;        // false: of the last one the head has come, and not all of its body
};

/// What was asked in `bytes`, the requests of one connection, up to the first that is refused, or
/// that ends it, as if they were given all at once. One whose head is not whole is not among them.
/// ENSUREs that the parser, which knows the header fields of the request before, reads each as one
/// that does not.
std::vector<Asked> read_requests(std::string_view bytes, const HttpLimits& limits);

}  // namespace progressd::fuzz
