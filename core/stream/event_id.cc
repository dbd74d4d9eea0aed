#include "core/stream/event_id.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace progressd {
namespace {

constexpr std::size_t kEpochDigits = 8;

}  // namespace

std::string EventIds::text(Sequence sequence) const {
  std::string id;
  append(sequence, id);
  return id;
}

void EventIds::append(Sequence sequence, std::string& out) const {
  fmt::format_to(std::back_inserter(out), "{:08x}-{}", epoch_, sequence);
}

void EventIds::append_partial(Sequence sequence, std::string& out) const {
  append(sequence, out);
  out += '+';
}

std::optional<Sequence> EventIds::parse(std::string_view text) const {
  if (text.size() < kEpochDigits + 2) return std::nullopt;
  Sequence sequence = 0;
  std::from_chars(text.data() + kEpochDigits + 1, text.data() + text.size(), sequence);
  // Another epoch, another spelling, something behind it: all of them differ from what we write.
  if (this->text(sequence) != text) return std::nullopt;
  return sequence;
}

}  // namespace progressd
