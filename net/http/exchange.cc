#include "net/http/exchange.h"

namespace progressd {
namespace {

/// A string that grew beyond this is not kept for the next connection.
constexpr std::size_t kKeptBytesMax = 4 * 1024;

void empty(std::string& text) {
  text.capacity() > kKeptBytesMax ? text = std::string() : text.erase();
}

}  // namespace

void Exchange::reset() {
  parser.reset();
  empty(held);
  empty(out);
  sent = 0;
  awaits_answer = read_again = closes = peer_done = false;
}

std::unique_ptr<Exchange> ExchangePool::take() {
  if (kept_.empty()) return std::make_unique<Exchange>(limits_);
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
