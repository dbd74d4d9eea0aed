#include "core/stream/event_id.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

namespace progressd {
namespace {

constexpr std::size_t kPrefixBytes = 9;

}  // namespace

EventIds::EventIds(std::uint32_t epoch) : prefix_(fmt::format("{:08x}-", epoch)) {}

std::string EventIds::text(Sequence sequence) const {
  std::string id;
  append(sequence, id);
  return id;
}

void EventIds::append(Sequence sequence, std::string& out) const {
  std::array<char, kPrefixBytes + 20> id;
  std::memcpy(id.data(), prefix_.data(), kPrefixBytes);
  const char* const end =
      std::to_chars(id.data() + kPrefixBytes, id.data() + id.size(), sequence).ptr;
  out.append(id.data(), static_cast<std::size_t>(end - id.data()));
}

void EventIds::append_partial(Sequence sequence, std::string& out) const {
  append(sequence, out);
  out += '~';
}

std::optional<Sequence> EventIds::parse(std::string_view text) const {
  if (text.size() <= kPrefixBytes) return std::nullopt;
  Sequence sequence = 0;
  std::from_chars(text.data() + kPrefixBytes, text.data() + text.size(), sequence);
  // Another epoch, another spelling, something behind it: all of them differ from what we write.
  if (this->text(sequence) != text) return std::nullopt;
  return sequence;
}

}  // namespace progressd
