#include "order_check.h"

#include <charconv>

namespace sseload {

EventId split_event_id(std::string_view id) {
  const std::size_t separator = id.find_last_of("-:._");
  const bool has_prefix = separator != std::string_view::npos;
  const std::string_view digits = has_prefix ? id.substr(separator + 1) : id;
  EventId split;
  split.prefix = has_prefix ? id.substr(0, separator) : std::string_view();
  const char* const last = digits.data() + digits.size();
  const auto [end, code] = std::from_chars(digits.data(), last, split.number);
  split.is_comparable = code == std::errc() && end == last;
  return split;
}

std::uint32_t PrefixTable::number_of(std::string_view prefix, std::uint32_t hint) {
  if (hint < names_.size() && *names_[hint] == prefix) return hint;
  const auto known = numbers_.find(std::string(prefix));
  if (known != numbers_.end()) return known->second;
  if (names_.size() >= kPrefixesMax) return kNone;
  const auto number = static_cast<std::uint32_t>(names_.size());
  names_.push_back(&numbers_.emplace(prefix, number).first->first);
  return number;
}

Verdict check_id(IdState& state, std::uint32_t prefix, std::uint64_t number, bool& is_new_prefix) {
  if (state.prefix != prefix) {
    is_new_prefix = state.prefix != PrefixTable::kNone;
    state = IdState{number, prefix};
    return Verdict::kInOrder;
  }
  if (number == state.last) return Verdict::kDuplicate;
  if (number < state.last) return Verdict::kReordered;
  state.last = number;
  return Verdict::kInOrder;
}

Verdict check_seq(SeqState& state, std::int64_t number, const SeqRule& rule,
                  std::uint64_t& missing) {
  missing = 0;
  const std::int64_t stride = rule.step > 0 ? rule.step : 1;
  if (!state.is_set) {
    state = SeqState{number, true};
    if (!rule.has_first || number == rule.first) return Verdict::kInOrder;
    if (number < rule.first) return Verdict::kReordered;
    missing = static_cast<std::uint64_t>((number - rule.first) / stride);
    return Verdict::kGap;
  }
  if (number < state.last) return Verdict::kReordered;
  if (number == state.last) return rule.step == 0 ? Verdict::kInOrder : Verdict::kDuplicate;
  const std::int64_t advance = number - state.last;
  state.last = number;
  if (rule.step == 0 || advance == rule.step) return Verdict::kInOrder;
  missing = static_cast<std::uint64_t>((advance - 1) / stride);
  return Verdict::kGap;
}

}  // namespace sseload
