// What a connection needs while it speaks HTTP, and gives back when its stream begins: the parser,
// the request, bytes of requests that wait for their turn, bytes of responses that wait for room.
#pragma once

#include <string>

#include "net/http/parser.h"

namespace progressd {

struct Exchange {
  explicit Exchange(const HttpLimits& limits) : parser(limits) {}

  RequestParser parser;
  std::string held;      // read, but behind a request that is not answered yet
  std::string out;       // written behind `sent` when the socket takes it
  std::size_t sent = 0;  // of `out`
  bool awaits_answer = false;
  bool read_again = false;  // reading stopped before the socket was empty
  bool closes = false;      // after `out`
  bool peer_done = false;   // it sends no more
};

}  // namespace progressd
