// Writes event streams: what the hub hands out, keepalives, and the end. For a reader whose socket
// takes the bytes an event is one gathering write of shared frames and nothing else; only a reader
// whose socket is full has a backlog, bounded and conflated.
//
// Thread: the loop's. No call changes a subscription or frees a connection.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/stream/hub.h"
#include "net/http/compressed_streams.h"
#include "net/http/connection.h"
#include "net/http/deadlines.h"
#include "net/metrics/histogram.h"

namespace progressd {

struct StreamSettings {
  Millis keepalive_ms = 15'000;
  Millis age_ms_max = 0;  // 0: none
  std::size_t outbox_bytes_max = 1024 * 1024;
  bool compresses = true;  // for clients that ask
};

struct StreamCounters {
  std::uint64_t open = 0;
  std::uint64_t events_delivered = 0;
  std::uint64_t events_conflated = 0;
  std::uint64_t closed_as_slow = 0;
  std::uint64_t bytes_sent = 0;
};

/// For how long a stream is.
struct StreamTerms {
  Millis wall_at = 0;                     // when it begins
  double age = 1;                         // 0 to 1: where between 80 and 100 % of the greatest age
  std::optional<Millis> expires_in_ms{};  // its token; none: never
  StreamUser user = 0;
};

class StreamWriter final : public Sink {
 public:
  StreamWriter(const StreamSettings& settings, SocketIo& io, ConnectionTable& connections,
               Deadlines& deadlines, StreamLimits& limits)
      : settings_(settings),
        io_(io),
        connections_(connections),
        deadlines_(deadlines),
        limits_(limits) {}

  /// Whether streams are compressed for clients that ask.
  bool compresses() const { return settings_.compresses; }
  /// Makes of bare frames what a stream of this framing begins with, where that is compressed.
  void compress_opening(Framing framing, std::vector<FrameRef>& frames) {
    if (is_compressed(framing)) compressed_.compress_opening(framing, frames);
  }
  /// From here on the connection, whose exchange is given back, is a stream that begins with
  /// `opening`.
  void begin(std::uint32_t slot, std::span<const FrameRef> opening, bool ends,
             const StreamTerms& terms);
  /// More of an opening, which was not over with begin(). The frames are bare where the stream is
  /// compressed.
  void go_on_opening(std::uint32_t slot, std::vector<FrameRef> frames, bool ends);
  void deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to,
               bool ends) override;
  void prefetch(SubscriberId to) const override { __builtin_prefetch(&connections_.at(to)); }
  void on_first_queued() override;
  /// The hub has flushed: all of the turn is written that could be.
  void on_turn_end();
  void on_writable(std::uint32_t slot);
  void on_due(std::uint32_t slot);
  /// Ends the stream cleanly, now or when its backlog is written.
  void end(std::uint32_t slot);
  /// Shuts the write side and lets the peer close.
  void linger(std::uint32_t slot);
  /// The connection is a stream no more, if it was one.
  void forget(std::uint32_t slot);

  const StreamCounters& counters() const { return counters_; }
  const CompressionCounters& compression() const { return compressed_.counters(); }
  /// From the first event of a turn of the loop to the last write of that turn, for each event that
  /// was delivered in it; what waits for a slow reader is not among them.
  const DurationHistogram& latency() const { return latency_; }

 private:
  /// The same bytes in each framing.
  using Framed = std::array<FrameRef, kFramings>;

  Framed framed(std::string_view text);
  /// Writes a comment to a reader that has no backlog.
  void comment(std::uint32_t slot, const Framed& text);
  void write_opening(std::uint32_t slot, std::span<const FrameRef> frames, bool ends);
  /// Writes frames whose bytes stand in `pieces_`, or queues what the socket does not take.
  void transmit(std::uint32_t slot, std::span<const FrameRef> frames, bool ends);
  /// Adds to the pieces what ends the stream; takes it away again.
  void add_end(std::uint32_t slot, std::span<const FrameRef> frames);
  void drop_end();
  void queue_rest(std::uint32_t slot, std::span<const FrameRef> frames, std::size_t sent,
                  bool ends);
  /// Of a turn's frames; null where no reader takes it.
  FrameRef block_for(std::span<const FrameRef> frames, std::span<const SubscriberId> to);
  void count_sent(std::uint32_t slot, std::span<const FrameRef> frames);
  /// What stands behind all that is queued, and `unsent`; null where nothing does.
  FrameRef last_frame(std::uint32_t slot, std::span<const FrameRef> unsent);
  void gather(std::span<const FrameRef> frames);
  void join();
  /// Queues frames of this turn for a reader that has a backlog. Progress that is superseded within
  /// the turn is left out for all such readers at once, so that each costs a frame a turn.
  void hold_back(std::uint32_t slot, std::span<const FrameRef> frames, bool ends);
  void keep_lasting(std::span<const FrameRef> frames, Framing framing);
  void count_conflated(Connection& connection, std::size_t events);
  void enqueue(std::uint32_t slot, std::span<const FrameRef> frames, bool ends);
  void close_if_over_bound(std::uint32_t slot);
  void flush_backlog(std::uint32_t slot);
  Tick keepalive_due(const Connection& connection) const;
  void plan(std::uint32_t slot);

  const StreamSettings& settings_;
  SocketIo& io_;
  ConnectionTable& connections_;
  Deadlines& deadlines_;
  StreamLimits& limits_;
  CompressedStreams compressed_;
  StreamCounters counters_;
  DurationHistogram latency_;
  std::uint64_t queued_at_ns_ = 0;        // the first event of this turn; 0: none yet
  std::uint64_t delivered_before_ = 0;    // events_delivered then
  std::vector<std::string_view> pieces_;  // of one turn's frames, for all their readers
  std::string joined_;                    // the same in one piece, where that pays
  /// Of the block that is being written to its readers: for one whose socket takes none of it.
  std::span<const FrameRef> apart_;
  std::vector<FrameRef> lasting_;  // of one turn's frames, without the superseded ones
  std::vector<TopicId> topics_;    // that newer progress was seen of; a buffer, no state
  std::size_t pieces_bytes_ = 0;
  std::size_t pieces_events_ = 0;
  FrameRef last_;                           // what stands last among the pieces, while it does
  const FrameRef last_chunk_{"0\r\n\r\n"};  // ends a chunked response
  const Framed keepalive_ = framed(kSseKeepalive);
  const Framed expiry_ = framed(kSseTokenExpired);
};

}  // namespace progressd
