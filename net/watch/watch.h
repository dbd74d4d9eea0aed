// A watch: a status URL that is polled once for everybody who wants to know.
//
//   timer ─► Fetch ─► {"result", "message"?} ─► changed? ─► topic ─► readers
//              └─► failure: back off; readers see nothing of it but keepalives
//
// A status is somebody else's, not a change of ours: it is not journalled, and its topic has event
// ids of its own. Thread: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/json_read.h"
#include "core/stream/hub.h"
#include "core/stream/topic.h"
#include "net/api/opening.h"
#include "net/uv/timer.h"
#include "net/watch/fetcher.h"
#include "net/watch/watch_spec.h"

namespace progressd {

/// What a status URL said.
struct WatchedStatus {
  std::string result;
  std::optional<std::string> message;

  bool is_terminal() const { return result == "completed" || result == "error"; }
  friend bool operator==(const WatchedStatus&, const WatchedStatus&) = default;
};

/// Errors: kUnavailable, for what is no JSON object with a string `result`.
Result<WatchedStatus> read_status(JsonReader& reader, std::string body);

/// After so many failures in a row, the longest that a watch waits before it tries again: from its
/// interval, twice as long each time, up to 10 s.
Millis backoff_ms(Millis interval_ms, std::uint32_t failures);

class Watch final : public Subject, public StreamDialect {
 public:
  struct Parts {
    Loop& loop;
    Fetcher& fetcher;
    Hub& hub;
    Opener& opener;
    Random& random;
  };
  /// `topic_id`: unlike any other topic's. Begins to poll at once.
  Watch(const Parts& parts, WatchSpec spec, TopicId topic_id);

  /// Answers with the statuses as a stream: the last good one, then each change, up to `completed`
  /// or `error`.
  void follow(const Request& request, const Responder& responder);

  std::string topic_name() const override { return "watch:" + spec_.name; }
  bool encode(const Subject& subject, const Event& event, std::string& out) const override;
  void encode_latest(const Subject& subject, Sequence through, bool partial,
                     std::string& out) const override;

  const std::string& name() const { return spec_.name; }
  /// The last good one; none before the first.
  const std::optional<WatchedStatus>& status() const { return status_; }
  /// In a row, until now.
  std::uint32_t failures() const { return failures_; }
  /// Of the latest failure; empty when the latest poll went well.
  const std::string& failure() const { return failure_; }
  std::uint64_t polls() const { return polls_; }
  std::uint64_t polls_failed() const { return polls_failed_; }

 private:
  void poll();
  void on_fetched(Result<std::string> body);
  void on_status(WatchedStatus status);
  void on_failure(std::string why);

  Parts parts_;
  WatchSpec spec_;
  EventIds ids_;
  Topic topic_;
  JsonReader reader_;
  std::optional<WatchedStatus> status_;
  Event latest_;  // its event
  std::uint32_t failures_ = 0;
  std::uint64_t polls_ = 0;
  std::uint64_t polls_failed_ = 0;
  std::string failure_;
  Fetch fetch_;
  Timer timer_;
};

}  // namespace progressd
