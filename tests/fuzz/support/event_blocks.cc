#include "tests/fuzz/support/event_blocks.h"

#include <charconv>

#include "core/base/ensure.h"

namespace progressd::fuzz {
namespace {

EventBlock block_of(std::string_view text) {
  EventBlock block;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    const std::size_t colon = line.find(": ");
    ENSURE(colon != std::string_view::npos);
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (name == "event") {
      block.name = value;
    } else if (name == "id") {
      block.id = value;
    } else if (name == "data") {
      ENSURE(block.data.empty());
      block.data = value;
    } else {
      ENSURE(name == "retry" || name.empty());
    }
  }
  return block;
}

}  // namespace

void EventBlocks::add_text(std::string_view bytes) {
  if (bytes.empty()) return;
  text_.append(gzip_ ? gzip_->feed(bytes) : bytes);
  if (gzip_) ENSURE(gzip_->is_good());
}

void EventBlocks::take_chunks() {
  for (;;) {
    const std::size_t head = wire_.find("\r\n");
    if (head == std::string::npos) return;
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(wire_.data(), wire_.data() + head, size, 16);
    ENSURE(error == std::errc() && end == wire_.data() + head && !ended_);
    if (wire_.size() < head + 2 + size + 2) return;
    ENSURE(wire_.compare(head + 2 + size, 2, "\r\n") == 0);
    add_text(std::string_view(wire_).substr(head + 2, size));
    wire_.erase(0, head + 2 + size + 2);
    ended_ = size == 0;
  }
}

std::vector<EventBlock> EventBlocks::take(std::string_view bytes) {
  if (is_chunked(framing_)) {
    wire_.append(bytes);
    take_chunks();
  } else {
    add_text(bytes);
  }
  std::vector<EventBlock> blocks;
  std::size_t at = 0;
  for (std::size_t end; (end = text_.find("\n\n", at)) != std::string::npos; at = end + 2) {
    EventBlock block = block_of(std::string_view(text_).substr(at, end + 1 - at));
    if (!block.data.empty()) blocks.push_back(std::move(block));
  }
  text_.erase(0, at);
  return blocks;
}

}  // namespace progressd::fuzz
