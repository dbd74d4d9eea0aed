// Event ids. Inside, an event has a sequence number in the journal's one total order. Outside, an
// id is the journal's epoch and that number, `1f3a9c04-17`, opaque to clients. The epoch tells an
// id of a journal that is gone (a memory journal's before a restart) from one of this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace progressd {

/// Counted up by the journal from 1; 0 stands before every event.
using Sequence = std::uint64_t;

class EventIds {
 public:
  explicit EventIds(std::uint32_t epoch);

  std::string text(Sequence sequence) const;
  void append(Sequence sequence, std::string& out) const;
  /// The id of a snapshot that others of the same opening follow. It resumes nothing: a reader cut
  /// off here has not seen every job, so its id must not be placed, and it starts again.
  void append_partial(Sequence sequence, std::string& out) const;

  /// None when the id was not made by text() of the same epoch.
  std::optional<Sequence> parse(std::string_view text) const;

 private:
  std::string prefix_;  // the epoch in 8 hexadecimal digits, and the dash
};

}  // namespace progressd
