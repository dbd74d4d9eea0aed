#include "net/http/exchange.h"

namespace progressd {
namespace {

/// A string that grew beyond this is not kept for the next connection. One that is kept is none
/// that counts.
constexpr std::size_t kKeptBytesMax = WaitingAnswers::kSmallBytesMax;
/// While so many bytes of answers wait for their reader, no further request of it is looked at.
constexpr std::size_t kUnsentBytesMax = 64 * 1024;

void empty(std::string& text) {
  // To assign an empty string would keep the memory.
  text.capacity() > kKeptBytesMax ? std::string().swap(text) : text.clear();
}

}  // namespace

bool Exchange::is_full() const {
  return unsent() > kUnsentBytesMax ||
         (unsent() > WaitingAnswers::kSmallBytesMax && answers->are_over_bound());
}

void Exchange::reset() {
  parser.reset();
  empty(held);
  empty(out);
  sent = 0;
  count();
  awaits_answer = readable = hung_up = closes = peer_done = false;
}

void Exchange::drop_sent() {
  if (unsent() == 0) {
    empty(out);
    sent = 0;
    count();
  } else if (sent > out.size() / 2) {  // so rarely that moving the rest costs little
    out.erase(0, sent);
    sent = 0;
  }
}

std::unique_ptr<Exchange> ExchangePool::take() {
  if (kept_.empty()) {
    auto made = std::make_unique<Exchange>(limits_, on_head_, answers_);
    made->parser.count_bodies(bodies_bytes_);
    return made;
  }
  std::unique_ptr<Exchange> exchange = std::move(kept_.back());
  kept_.pop_back();
  return exchange;
}

void ExchangePool::give(std::unique_ptr<Exchange> exchange) {
  if (exchange == nullptr || kept_.size() == kKeptMax) return;
  exchange->reset();
  kept_.push_back(std::move(exchange));
}

}  // namespace progressd
