// The outbox: what a reader whose socket is full still has to get. A connection has one only then.
//
//   head ─► frame (partly sent) │ state change │ progress of A │ progress of B │ …
//
// Progress that was not begun is conflated: a newer progress frame of the same topic takes the
// older one out and stands at the end, so that ids keep increasing and any of them resumes the
// stream exactly. State changes stay. Invariant: bytes() counts what is still to be sent.
//
// Memory, at the most: bytes(), the sent bytes of the frame that was begun, kFrameOverheadBytesMax
// for each of the most frames that were queued at once since it was empty, and kOwnBytesMax. A
// frame that other outboxes hold as well is counted in each, though it is there once.
//
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string_view>
#include <unordered_map>

#include "core/stream/frame.h"

namespace progressd {

class Outbox {
 public:
  /// A frame's head and the allocator's rounding, its places in the queue (twice, where conflation
  /// left gaps, and once more while these are taken out), its job's entry in the index.
  static constexpr std::size_t kFrameOverheadBytesMax = 144;
  /// The outbox itself, and the first blocks of its queue and its index.
  static constexpr std::size_t kOwnBytesMax = 2 * 1024;

  /// Queues the frame. Returns the number of older frames that it replaced (0 or 1).
  std::size_t push(FrameRef frame);

  bool empty() const { return bytes_ == 0; }
  std::size_t bytes() const { return bytes_; }

  /// The first bytes to send, in up to `room.size()` pieces. Returns how many were filled.
  std::size_t gather(std::span<std::string_view> room) const;
  /// Takes `sent` bytes off the front. Returns the number of events that ended in them. `sum`: of a
  /// compressed stream; each frame that ended is added to it.
  std::size_t consume(std::size_t sent, GzipSum* sum = nullptr);
  /// Adds all that is still to be sent, what was begun included.
  void add_rest_to(GzipSum& sum) const;

  /// The event id before the first frame still to be sent: what the reader has for certain.
  Sequence sent_through() const { return sent_through_; }
  void set_sent_through(Sequence sequence) { sent_through_ = sequence; }

 private:
  void compact();

  std::deque<FrameRef> frames_;  // null where conflation took one out
  std::size_t first_ = 0;        // the position of frames_.front(); positions are never reused
  std::size_t nulls_ = 0;
  std::size_t offset_ = 0;  // bytes of the front frame that were sent
  std::size_t bytes_ = 0;
  Sequence sent_through_ = 0;
  std::unordered_map<TopicId, std::size_t> conflatable_;  // topic → position
};

}  // namespace progressd
