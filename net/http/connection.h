// A connection, packed to what an idle stream needs, and the table of them.
//
//   kFree ─► kHttp ─► kStreaming ─► kLingering ─► kClosing ─► kFree (next generation)
//              └──────────┴────────────┘ (any of them may close)
//
//   kHttp       an Exchange parses requests and writes responses
//   kStreaming  the hub feeds it; it owns an outbox only while its socket is full
//   kLingering  all is written and the write side shut; what the peer still sends is read away,
//               so that no reset destroys bytes that it has not read yet
//   kClosing    its descriptor is closed; its slot is freed at the end of the turn, by reap(),
//               which is the one place that frees
//
// Outside the table a connection is a ConnectionId. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/stream/outbox.h"
#include "core/stream/sse.h"
#include "net/access/stream_limits.h"
#include "net/http/exchange.h"
#include "net/http/responder.h"
#include "net/http/socket_io.h"

namespace progressd {

/// Deadlines count in ticks, since a connection keeps two of them.
using Tick = std::uint32_t;
inline constexpr Millis kTickMs = 100;

/// A stream whose socket is full.
struct Backlog {
  Outbox outbox;
  /// Bytes of the stream's opening, which the outbox's bound does not count.
  std::size_t opening_bytes = 0;
};

/// One line of the processor's cache, so that writing an event to a reader fetches one.
struct alignas(64) Connection {
  enum class State : std::uint8_t { kFree, kHttp, kStreaming, kLingering, kClosing };

  int fd = -1;
  std::uint32_t generation = 0;
  State state = State::kFree;
  Framing framing = Framing::kChunked;
  bool subscribed = false;  // at the hub
  bool ends = false;        // streaming: over once all is written
  bool expires = false;     // streaming: ends_at is when its token does
  bool over_limit = false;  // accepted only to be told that there is no room
  Tick due = 0;             // when its state must be looked at
  Tick wheel_tick = 0;      // when the wheel will do so, not later than `due`; 0: never
  Tick last_write = 0;      // streaming
  Tick ends_at = 0;         // streaming: by age or by drain; 0: never
  std::uint32_t conflated = 0;
  StreamUser user = 0;                 // streaming
  Millis opened_at = 0;                // streaming: wall time
  std::unique_ptr<Exchange> exchange;  // kHttp
  std::unique_ptr<Backlog> backlog;    // kStreaming, while its socket is full
};

class ConnectionTable {
 public:
  /// `on_closed(slot, connection)`: once for each connection, before its slot is freed.
  using OnClosed = std::function<void(std::uint32_t slot, Connection& connection)>;

  ConnectionTable(SocketIo& io, OnClosed on_closed) : io_(io), on_closed_(std::move(on_closed)) {}
  ~ConnectionTable() { close_all(); }
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// A slot for the descriptor, in state kHttp.
  ConnectionId open(int fd);
  /// Null when it has gone, or is closing.
  Connection* find(ConnectionId id);
  Connection& at(std::uint32_t slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  ConnectionId id_of(std::uint32_t slot) {
    return (ConnectionId{at(slot).generation} << 32) | slot;
  }
  static std::uint32_t slot_of(ConnectionId id) { return static_cast<std::uint32_t>(id); }

  /// Asks; the slot is freed by reap(). May be called twice.
  void close(std::uint32_t slot);
  void reap();
  /// Every connection, and frees the slots.
  void close_all();

  std::size_t open_count() const { return open_; }
  /// Slots are numbered below this.
  std::uint32_t slots() const { return used_; }

 private:
  /// A poller token's highest bit is the listeners'.
  static constexpr std::uint32_t kGenerationMask = 0x7fff'ffff;
  // Chunks, so that growing moves no connection and touches no more memory than is used.
  static constexpr std::uint32_t kChunk = 256;

  SocketIo& io_;
  OnClosed on_closed_;
  std::vector<std::unique_ptr<Connection[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> closing_;
  std::uint32_t used_ = 0;
  std::size_t open_ = 0;
};

}  // namespace progressd
