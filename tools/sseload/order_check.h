// Why: says of each event whether it is the one that had to come. Two independent measures: the
//      `id:` line, which must rise within a connection, and a number in the event, which must rise
//      by an exact step or at least not fall. Pure: the state of a stream goes in, a verdict comes
//      out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sseload {

enum class Verdict : std::uint8_t { kInOrder, kDuplicate, kReordered, kGap };

/// An id as far as it can be compared: NUMBER, or PREFIX, one of "-:._", NUMBER.
struct EventId {
  std::string_view prefix;
  std::uint64_t number = 0;
  bool is_comparable = false;
};
EventId split_event_id(std::string_view id);

/// Prefixes by small number, so that a stream keeps four bytes of one.
class PrefixTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// `hint` is tried first: a stream's prefix hardly ever changes. kNone when the table is full,
  /// which takes ids with a prefix of their own each.
  std::uint32_t number_of(std::string_view prefix, std::uint32_t hint);

 private:
  static constexpr std::size_t kPrefixesMax = 1 << 20;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<const std::string*> names_;
};

struct IdState {
  std::uint64_t last = 0;
  std::uint32_t prefix = PrefixTable::kNone;
};

/// `is_new_prefix`: ids of two prefixes can't be compared (another server life); the check starts
/// afresh and the caller may count it.
Verdict check_id(IdState& state, std::uint32_t prefix, std::uint64_t number, bool& is_new_prefix);

struct SeqState {
  std::int64_t last = 0;
  bool is_set = false;
};

/// What the number of a stream's events has to do.
struct SeqRule {
  std::int64_t step = 0;  ///< 0: it must not fall
  bool has_first = false;
  std::int64_t first = 0;
};

/// `missing` is set to the number of events that a gap is worth.
Verdict check_seq(SeqState& state, std::int64_t number, const SeqRule& rule,
                  std::uint64_t& missing);

}  // namespace sseload
