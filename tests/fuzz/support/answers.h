// Takes the bytes that a server sent apart into answers, and ENSUREs that they are what HTTP and
// the contract ask for: a reader of our own, that shares nothing with the writer.
// Source: RFC 9112, sections 4 to 7; WHATWG HTML, "Server-sent events".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/support/asked.h"

namespace progressd::fuzz {

struct Answer {
  int status = 0;
  std::string body;
  bool is_stream = false;
  bool closes = false;  // it says that nothing comes after it
  bool whole = false;   // all of it was sent
};

/// The final answers, in order; interim ones are looked at and left out. `closed`: nothing comes
/// after `bytes`.
std::vector<Answer> read_answers(std::string_view bytes, const std::vector<Asked>& asked,
                                 bool closed);

/// What an event stream may consist of: its bytes without chunks and compression.
void check_event_stream(std::string_view text);

}  // namespace progressd::fuzz
