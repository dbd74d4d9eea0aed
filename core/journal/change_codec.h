// Changes as bytes, as a durable journal keeps them. A batch of changes is one block:
//
//   version │ change │ change │ …       of the numbers first, first + 1, …
//   change: kind, and what it has │ wall time − that of the one before │ its steady time's distance
//           from it │ job id │ events that it expects │ what the kind has
//
// The distance between the two clocks is left out while it is as it was: that is, for most blocks
// but for the first change of each.
//
// A change of the job whose change stands right before it leaves the id out: a burst of progress of
// one job is written once, and a few bytes for each step of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/jobs/change.h"

namespace progressd {

void encode_spec(const JobSpec& spec, ByteWriter& out);
JobSpec decode_spec(ByteReader& in);

/// Puts a block together. Thread: its owner's.
class ChangeBlock {
 public:
  void add(const Change& change);
  std::size_t changes() const { return changes_; }
  std::string_view view() const { return bytes_; }
  /// The block, and begins another one.
  std::string take();

 private:
  std::string bytes_;
  std::size_t changes_ = 0;
  std::string last_job_id_;
  Moment last_at_;
};

/// Calls `visit` for each change of a block, in order. False when the block is none of ours, or
/// does not hold `changes` of them: those visited before then count for nothing.
bool decode_block(std::string_view block, std::size_t changes,
                  const std::function<void(const Change& change)>& visit);

}  // namespace progressd
