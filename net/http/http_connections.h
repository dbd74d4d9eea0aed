// The HTTP side of all connections: reads requests, hands them to the router one at a time, writes
// responses, keeps to the time limits. A connection whose request is answered with a stream goes
// over to the StreamWriter.
//
//   bytes ─► RequestParser ─► Router ─► handler ─► reply() or stream()   now, or on a later turn
//
// Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/stream/hub.h"
#include "net/access/gate.h"
#include "net/access/stream_limits.h"
#include "net/http/connection.h"
#include "net/http/deadlines.h"
#include "net/http/later_turns.h"
#include "net/http/parser.h"
#include "net/http/responder.h"
#include "net/http/router.h"
#include "net/http/stream_heads.h"
#include "net/http/stream_writer.h"
#include "net/uv/poller.h"

namespace progressd {

struct HttpSettings {
  HttpLimits limits;
  std::size_t pipelined_max = 128;  // answered in a turn of the loop, for one connection
  Millis header_timeout_ms = 10'000;
  Millis body_timeout_ms = 30'000;
  Millis idle_timeout_ms = 75'000;
};

class HttpConnections final : public ResponseCarrier {
 public:
  struct Parts {
    const HttpSettings& settings;
    SocketIo& io;
    ConnectionTable& connections;
    Deadlines& deadlines;
    StreamWriter& streams;
    const Router& router;
    Gate& gate;
    StreamLimits& stream_limits;
    Hub& hub;
    const Clock& clock;
    Random& random;
    Loop& loop;
  };
  explicit HttpConnections(const Parts& parts);

  /// A connected socket, non-blocking. `over_limit`: its first request is answered 503.
  ConnectionId accept(int fd, bool over_limit);
  void on_ready(ConnectionId id, Ready ready);
  /// The connection has gone, and its subscription before it.
  void forget(std::uint32_t slot);
  void on_due(std::uint32_t slot);

  /// Bare where the stream will be compressed: its writer does that.
  Framing framing(ConnectionId id) const override;
  void reply(ConnectionId id, Response response) override;
  bool stream(ConnectionId id, StreamStart start) override;

  /// The gate's header lines, or any setting, are others from here on.
  void on_settings_changed() { heads_.forget(); }

  /// From here on every request is answered 503 and its connection closed. `has_successor`: another
  /// process has the address. Then who asks for a stream is not answered: an EventSource gives up
  /// on 503, and comes again, to the other one, when its connection ends.
  void begin_drain(bool has_successor) {
    draining_ = true;
    has_successor_ = has_successor;
  }

  /// How many answers of each status were given; streams are not among them.
  static constexpr std::size_t kStatusesEnd = 600;
  const std::array<std::uint64_t, kStatusesEnd>& responses() const { return responses_; }

 private:
  /// All that can go on now: sends, parses what is held, reads.
  void pump(std::uint32_t slot);
  void take_input(std::uint32_t slot, std::string_view bytes, std::size_t& answered);
  void dispatch(std::uint32_t slot);
  /// The answer that does not depend on what is asked for; none where there is none.
  std::optional<Response> turned_away(const Connection& connection) const;
  /// An EventSource gives up on a 503, and comes back when it gets no answer: to who takes over, or
  /// when the journal is read.
  bool is_left_unanswered(const Request& request) const {
    const bool comes_back = (draining_ && has_successor_) || parts_.router.is_held();
    return comes_back && request.asks_for_stream();
  }
  /// A head came whose body may follow. False when it was answered, as no handler will see it: a
  /// stranger is given no room for a body.
  bool on_head(std::uint32_t slot);
  void refuse(std::uint32_t slot, int status, std::string_view detail);
  void write(std::uint32_t slot, const Response& response, bool is_head, bool keep_alive,
             int minor_version);
  /// False when the connection was closed.
  bool send(std::uint32_t slot);
  /// An answer was queued.
  void answered(std::uint32_t slot);
  void leave(std::uint32_t slot);
  void go_on_later(std::uint32_t slot);
  /// Of the stream that answers the request.
  Framing stream_framing(const Request& request) const;
  /// Counts the stream that the request asks for.
  Result<StreamTerms> admit(std::uint32_t slot, const Request& request);
  void subscribe(std::uint32_t slot, StreamLive live);
  void go_on_opening(std::uint32_t slot);
  void go_on(ConnectionId id);
  void discard_input(std::uint32_t slot);
  void plan(std::uint32_t slot);
  bool is_http(ConnectionId id);

  Parts parts_;
  ExchangePool exchanges_;
  StreamHeads heads_;
  bool draining_ = false;
  bool has_successor_ = false;
  std::optional<ConnectionId> reading_;  // whose input is being taken; it sends after that
  std::unordered_map<ConnectionId, std::unique_ptr<OpeningRest>> openings_;  // not whole yet
  LaterTurns later_turns_;  // of those that used up this one, or left input behind
  std::unique_ptr<std::array<char, 65536>> scratch_;  // where every connection reads into
  std::array<std::uint64_t, kStatusesEnd> responses_{};
};

}  // namespace progressd
