// A stream of events that goes on: it reconnects with back-off and jitter, and resumes by the last
// event's id. Drawn on by whoever waits (Transfers::wait), once per turn:
//
//   connecting ─► open ─► waiting ─► connecting …      cut off, or the server is away or busy
//                   └────► ended                       204: there is nothing more to come
//   connecting ─► refused                              it says no, or was never there
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "tools/progressctl/http.h"
#include "tools/sseload/sse_reader.h"

namespace progressd::ctl {

inline constexpr Millis kBackOffMsMin = 500;
inline constexpr Millis kBackOffMsMax = 10'000;
/// Without a byte for so long, which four keepalives would have come in, the stream is begun anew.
inline constexpr Millis kSilenceMsMax = 60'000;
inline constexpr std::size_t kEventBytesMax = 8 * 1024 * 1024;

struct StreamEvent {
  std::string name;
  std::string id;
  std::string data;
};

/// Milliseconds of a clock that never steps.
Millis now_ms();

class EventStream {
 public:
  enum class State { kConnecting, kOpen, kWaiting, kEnded, kRefused };

  EventStream(Transfers& transfers, const Settings& settings, std::string target);

  /// Takes what came, and does what is due.
  void advance();
  /// The next event.
  std::optional<StreamEvent> take();

  State state() const { return state_; }
  /// Why it waits or was refused.
  const std::string& trouble() const { return trouble_; }
  /// How long a wait may last until advance() has something to do.
  Millis due_in_ms() const;

 private:
  void connect();
  void read(std::string_view bytes);
  void on_over();
  void wait_for(Millis ms, std::string why);
  Millis next_back_off();

  Transfers& transfers_;
  const Settings& settings_;
  const std::string target_;
  State state_ = State::kConnecting;
  std::unique_ptr<Transfer> transfer_;
  bool was_open_ = false;  // ever
  std::string trouble_;

  sseload::SseReader reader_;
  sseload::SseState reader_state_;
  std::string unread_;  // of an event that has not ended
  std::string last_event_id_;
  std::deque<StreamEvent> events_;

  Millis base_ms_ = kBackOffMsMin;  // the server's retry:
  int failures_ = 0;                // since it was last open
  Millis due_at_ = 0;
  Millis heard_at_ = 0;
  std::minstd_rand jitter_{std::random_device{}()};
};

}  // namespace progressd::ctl
