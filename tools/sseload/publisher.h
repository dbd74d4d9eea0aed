// Why: the publish side of a run: who is told what, when, and what the server said to it.
//
// Invariants: target i is always told by connection i % connections, in the order of {iseq}, so
// that
//      the order that readers see can be checked. What target i has been told follows from counts
//      alone, so a million targets cost nothing:
//
//        connection c   targets c, c+C, c+2C, …   round and round
//        its event m    target c + C·(m mod n),   iseq m div n + 1
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "epoll.h"
#include "field_scan.h"
#include "histogram.h"
#include "options.h"
#include "publish_connection.h"

namespace sseload {

struct PublishTally {
  std::uint64_t issued = 0;    ///< events put into requests
  std::uint64_t answered = 0;  ///< events in requests that were answered with 2xx
  std::uint64_t refused = 0;   ///< in requests that were answered otherwise, or lines not accepted
  std::uint64_t requests = 0;
  std::map<int, std::uint64_t> statuses;
  std::string first_refusal;
  Histogram answer_time;
  Histogram lag;  ///< with a rate: how late an event left
  Nanoseconds last_answer_ns = 0;
  std::uint64_t window_stalls = 0;  ///< readers never got all of what was awaited
};

class Publisher {
 public:
  Publisher(const PublishOptions& options, const Epoll& epoll);

  /// `readers`: how many get each event, for --publish-window.
  void start(Nanoseconds now, std::uint64_t readers, std::uint64_t received_so_far);
  /// Nothing new from now on; answers are still awaited.
  void stop() { is_issuing_ = false; }
  void advance(Nanoseconds now, std::uint64_t received);
  void on_ready(std::uint32_t number, std::uint32_t ready, Nanoseconds now);
  Nanoseconds next_due_ns(Nanoseconds now) const;

  bool is_started() const { return started_ns_ != 0; }
  bool has_issued_all() const { return options_.count > 0 && tally_.issued >= options_.count; }
  /// Every request has its answer, or is known to be lost.
  bool is_answered() const;
  /// The server has not been reachable for a while: no use in going on.
  bool is_cut_off(Nanoseconds now) const;
  std::uint64_t told(std::uint64_t target) const;
  const PublishTally& tally() const { return tally_; }
  std::uint64_t lost() const;
  std::uint64_t failures() const;
  std::string last_failure() const;

 private:
  struct Lane {  // a connection and what it has to tell
    Lane(const TargetUrl& url, const Epoll& epoll, std::uint32_t number)
        : connection(url, epoll, number) {}
    PublishConnection connection;
    std::uint64_t targets = 0;
    std::uint64_t quota = 0;  // events
    std::uint64_t issued = 0;
  };

  bool has_window(Nanoseconds now, std::uint64_t received);
  bool can_issue(const Lane& lane) const;
  std::uint64_t due_by_rate(Nanoseconds now) const;
  void issue(std::size_t number, std::uint64_t lines_max, Nanoseconds now);
  void issue_at_rate(Nanoseconds now, std::uint64_t received);
  void issue_freely(Nanoseconds now, std::uint64_t received);
  void on_answer(const PublishAnswer& answer, Nanoseconds now);

  const PublishOptions& options_;
  const FieldScan accepted_;
  std::deque<Lane> lanes_;
  PublishTally tally_;
  std::string body_;
  std::string request_;
  std::size_t turn_ = 0;
  bool is_issuing_ = false;
  Nanoseconds started_ns_ = 0;

  std::uint64_t readers_ = 0;
  std::uint64_t window_base_issued_ = 0;
  std::uint64_t window_base_received_ = 0;
  std::uint64_t window_received_ = 0;  // when last seen to rise
  Nanoseconds window_progress_ns_ = 0;
};

}  // namespace sseload
