// Takes the bytes that a server sent apart into answers, and ENSUREs that they are what HTTP and
// the contract ask for: a reader of our own, that shares nothing with the writer.
// Source: RFC 9112, sections 4 to 7; WHATWG HTML, "Server-sent events".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/parser.h"

namespace progressd::fuzz {

/// A request, as far as the form of its answer depends on it.
struct Asked {
  bool is_head = false;
  bool refused = false;  // it is no HTTP, or over a limit: the last one that is looked at
  bool whole = true;     // false: of the last one the head has come, and not all of its body
};

struct Answer {
  int status = 0;
  std::string body;
  bool is_stream = false;
  bool closes = false;  // it says that nothing comes after it
  bool whole = false;   // all of it was sent
};

/// What was asked in `bytes`, the requests of one connection, up to the first that is refused. By
/// the server's own parser, but given all at once. One whose head is not whole is not among them.
std::vector<Asked> read_requests(std::string_view bytes, const HttpLimits& limits);

/// The final answers, in order; interim ones are looked at and left out. `closed`: nothing comes
/// after `bytes`.
std::vector<Answer> read_answers(std::string_view bytes, const std::vector<Asked>& asked,
                                 bool closed);

/// What an event stream may consist of: its bytes without the chunks.
void check_event_stream(std::string_view text);

}  // namespace progressd::fuzz
