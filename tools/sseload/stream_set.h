// Why: all streams of the run: opens them at the asked pace, reads them, says what became of each.
//      Single thread; owns the sockets; everything that arrives goes through EventChecks.
//
//        kIdle → kConnecting → kHead → kOpen ⇄ kStuck → kEnded
//          ↑                              └── --reconnect ──┐
//          └────────────────────────────────────────────────┘
//
// Invariants: in_flight() streams are in kConnecting or kHead. The scratch buffer holds one
// stream's
//      carried bytes and one read, and nothing between two reads. Edge-triggered: a stream is read
//      until the kernel has no more, or comes back on the next turn.
#pragma once

#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "epoll.h"
#include "event_checks.h"
#include "inflater.h"
#include "options.h"
#include "response_head.h"
#include "sse_reader.h"
#include "stream.h"
#include "tally.h"

namespace sseload {

class StreamSet {
 public:
  StreamSet(const StreamOptions& options, EventChecks& checks, const Epoll& epoll, Tally& tally);
  ~StreamSet();
  StreamSet(const StreamSet&) = delete;
  StreamSet& operator=(const StreamSet&) = delete;

  /// Opens streams up to number `limit`, at the ramp's pace from now on.
  void open_up_to(std::uint32_t limit, Nanoseconds now);
  /// Gives up on those that are not open yet.
  void stop_opening();
  /// Does what time asks for: opens, gives up, reconnects.
  void advance(Nanoseconds now);
  void on_ready(std::uint32_t number, std::uint32_t ready, Nanoseconds now);
  /// When advance() has something to do; at most the past when it has now.
  Nanoseconds next_due_ns(Nanoseconds now) const;
  /// Stuck streams read again.
  void wake_stuck(Nanoseconds now);

  bool is_opening() const { return attempted_ < open_limit_ || in_flight_ > 0; }
  std::uint32_t in_flight() const { return in_flight_; }
  std::uint32_t open() const { return open_; }
  std::uint32_t stuck() const { return stuck_; }
  std::uint32_t ended() const { return ended_; }
  const std::vector<Stream>& all() const { return streams_; }
  bool is_stuck_by_plan(std::uint32_t number) const { return options_.stuck.holds(number); }
  const SseCounts& sse_counts() const { return reader_.counts(); }

 private:
  struct Attempt {
    std::uint32_t number;
    Nanoseconds began_ns;
  };
  struct Comeback {
    Nanoseconds due_ns;
    std::uint32_t number;
    bool operator>(const Comeback& other) const { return due_ns > other.due_ns; }
  };
  enum class End { kClean, kCut, kFailed };

  void begin(std::uint32_t number, Nanoseconds now);
  void on_writable(std::uint32_t number, Nanoseconds now);
  void write_request(std::uint32_t number);
  void give_up_late(Nanoseconds now);
  void read(std::uint32_t number, bool hung_up, Nanoseconds now);
  /// False: the stream has ended.
  bool take_bytes(std::uint32_t number, std::size_t bytes, Nanoseconds now);
  bool take_head(std::uint32_t number, std::size_t& bytes, Nanoseconds now);
  bool take_body(std::uint32_t number, std::size_t carried, std::size_t bytes, Nanoseconds now);
  bool keep(Stream& stream, const char* from, std::size_t bytes);
  void become_stuck(std::uint32_t number);
  void leave(Stream& stream);
  void on_end(std::uint32_t number, End end, const std::string& reason, Nanoseconds now);
  void come_back_later(std::uint32_t number, Nanoseconds now);
  std::uint32_t due_by_ramp(Nanoseconds now) const;

  const StreamOptions& options_;
  EventChecks& checks_;
  const Epoll& epoll_;
  Tally& tally_;
  std::vector<Stream> streams_;
  SseReader reader_;
  std::vector<char> scratch_;
  std::string request_;
  std::string inflated_;                              // as the scratch buffer, with --compressed
  std::vector<std::unique_ptr<Inflater>> inflaters_;  // with --compressed only

  std::uint32_t attempted_ = 0;
  std::uint32_t open_limit_ = 0;
  std::uint32_t ramp_base_ = 0;  // attempted_ when the ramp began or went on
  Nanoseconds ramp_from_ns_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint32_t open_ = 0;  // kOpen and kStuck
  std::uint32_t stuck_ = 0;
  std::uint32_t ended_ = 0;
  bool stuck_wake_ = false;
  std::deque<Attempt> attempts_;           // by age; those that got there are skipped
  std::vector<std::uint32_t> unfinished_;  // had more to read than one turn allows
  std::priority_queue<Comeback, std::vector<Comeback>, std::greater<>> comebacks_;
  std::vector<std::string> last_ids_;    // with --reconnect only
  std::vector<std::uint32_t> retry_ms_;  // with --reconnect only
};

}  // namespace sseload
