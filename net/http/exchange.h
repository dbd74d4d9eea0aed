// What a connection needs while it speaks HTTP, and gives back when its stream begins: the parser,
// the request, bytes of requests that wait for their turn, bytes of responses that wait for room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/http/parser.h"
#include "net/http/waiting_answers.h"

namespace progressd {

struct Exchange {
  Exchange(const HttpLimits& limits, const RequestParser::OnHead& on_head,
           std::shared_ptr<WaitingAnswers> all)
      : parser(limits, on_head), answers(std::move(all)) {}
  ~Exchange() { answers->recount(counted, 0); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  RequestParser parser;
  std::string held;      // read, but behind a request that is not answered yet
  std::string out;       // written behind `sent` when the socket takes it
  std::size_t sent = 0;  // of `out`
  const std::shared_ptr<WaitingAnswers> answers;
  std::size_t counted = 0;  // of `out`, among all
  bool awaits_answer = false;
  bool readable = false;   // there may be bytes in the socket, and no further edge will tell
  bool hung_up = false;    // the peer's end of input is among them
  bool closes = false;     // after `out`
  bool peer_done = false;  // it sends no more

  std::size_t unsent() const { return out.size() - sent; }
  /// No further request is looked at until its reader has taken some of what waits for it.
  bool is_full() const;
  bool has_room_for(std::size_t answer_bytes) const {
    return answer_bytes <= WaitingAnswers::kSmallBytesMax ||
           answers->have_room_for(counted, unsent() + answer_bytes);
  }
  /// To be called when `out` grew.
  void count() { counted = answers->recount(counted, out.capacity()); }
  /// Gives back the memory of what was sent.
  void drop_sent();
  /// As new, for another connection; the memory of its strings stays.
  void reset();
};

/// Exchanges that connections gave back when their stream began, for those that come next.
class ExchangePool {
 public:
  ExchangePool(const HttpLimits& limits, RequestParser::OnHead on_head)
      : limits_(limits),
        on_head_(std::move(on_head)),
        answers_(std::make_shared<WaitingAnswers>(limits.answers_bytes_max)) {}

  const WaitingAnswers& answers() const { return *answers_; }
  std::unique_ptr<Exchange> take();
  void give(std::unique_ptr<Exchange> exchange);

 private:
  static constexpr std::size_t kKeptMax = 64;

  const HttpLimits& limits_;
  const RequestParser::OnHead on_head_;
  const std::shared_ptr<WaitingAnswers> answers_;
  const std::shared_ptr<std::size_t> bodies_bytes_ = std::make_shared<std::size_t>(0);
  std::vector<std::unique_ptr<Exchange>> kept_;
};

}  // namespace progressd
