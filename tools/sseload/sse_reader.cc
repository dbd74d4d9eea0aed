#include "sse_reader.h"

#include <charconv>
#include <cstring>

namespace sseload {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

const char* find(const char* from, const char* end, char c) {
  const void* const found = std::memchr(from, c, static_cast<std::size_t>(end - from));
  return found == nullptr ? end : static_cast<const char*>(found);
}

std::optional<std::uint32_t> parse_retry(std::string_view value) {
  std::uint32_t milliseconds = 0;
  const char* const last = value.data() + value.size();
  const auto [end, code] = std::from_chars(value.data(), last, milliseconds);
  if (code != std::errc() || end != last) return std::nullopt;
  return milliseconds;
}

}  // namespace

void SseReader::begin(SseState& state, std::string_view bytes) {
  state_ = &state;
  bytes_ = bytes;
  const char* const end = bytes.data() + bytes.size();
  block_ = bytes.data();
  if (!state.is_started && !bytes.empty()) {
    // A mark that is cut waits for the rest of it: nothing of it can be anything else.
    const bool may_be_mark = kByteOrderMark.starts_with(bytes.substr(0, kByteOrderMark.size()));
    if (may_be_mark && bytes.size() < kByteOrderMark.size()) {
      at_ = next_lf_ = next_cr_ = end;
      return;
    }
    state.is_started = true;
    if (may_be_mark) block_ += kByteOrderMark.size();
  }
  if (state.skips_lf && block_ < end) {
    if (*block_ == '\n') ++block_;
    state.skips_lf = false;
  }
  at_ = block_;
  next_lf_ = find(at_, end, '\n');
  next_cr_ = find(at_, end, '\r');
}

SseReader::Line SseReader::next_line(std::string_view& line) {
  const char* const end = bytes_.data() + bytes_.size();
  if (next_lf_ < at_) next_lf_ = find(at_, end, '\n');
  if (next_cr_ < at_) next_cr_ = find(at_, end, '\r');
  const char* const stop = next_lf_ < next_cr_ ? next_lf_ : next_cr_;
  if (stop == end) return Line::kCut;
  line = std::string_view(at_, static_cast<std::size_t>(stop - at_));
  at_ = stop + 1;
  if (*stop == '\r' && at_ < end && *at_ == '\n') ++at_;
  return Line::kComplete;
}

void SseReader::add_data(std::string_view value, SseEvent& event) {
  if (!event.is_dispatched) {
    event.is_dispatched = true;
    event.data = value;
    return;
  }
  if (event.data.data() != joined_.data()) joined_.assign(event.data);
  joined_.push_back('\n');
  joined_.append(value);
  event.data = joined_;
}

void SseReader::read_field(std::string_view line, SseEvent& event) {
  if (line.front() == ':') {
    ++block_counts_.comments;
    return;
  }
  block_has_fields_ = true;
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "data") {
    add_data(value, event);
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) event.id = value;
  } else if (field == "event") {
    event.name = value;
  } else if (field == "retry") {
    if (const auto retry = parse_retry(value)) retry_ms_ = retry;
  } else {
    ++block_counts_.unknown_fields;
  }
}

bool SseReader::next(SseEvent& event) {
  event = SseEvent{};
  block_counts_ = SseCounts{};
  block_has_fields_ = false;
  std::string_view line;
  while (next_line(line) == Line::kComplete) {
    if (!line.empty()) {
      read_field(line, event);
      if (block_has_fields_) continue;
    }
    // The block ends here, or was comments so far: none of it is needed again.
    counts_.comments += block_counts_.comments;
    counts_.unknown_fields += block_counts_.unknown_fields;
    block_counts_ = SseCounts{};
    block_has_fields_ = false;
    block_ = at_;
    // A CR that is the last byte so far may be half of a CRLF.
    state_->skips_lf = at_[-1] == '\r' && at_ == bytes_.data() + bytes_.size();
    if (event.is_dispatched || event.id) return true;
    event = SseEvent{};
  }
  return false;
}

}  // namespace sseload
