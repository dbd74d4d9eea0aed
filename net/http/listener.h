// Listening sockets: accepts in batches, says no when there are too many, and survives a kernel
// that has no descriptor left. Whoever connects is answered or closed, and never left to wait: for
// that a descriptor is kept in reserve, which is given up for as long as it takes to turn one away.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "net/http/listening_socket.h"
#include "net/uv/poller.h"
#include "net/uv/timer.h"

namespace progressd {

class Listeners {
 public:
  struct Limits {
    std::size_t connections_max;
    /// So many more are accepted only to have their request answered 503. Those beyond are told
    /// at once, whatever they ask.
    std::size_t refusals_max;
  };
  /// `open_count()`: connections now. `on_accept(fd, over_limit)`: a new one, non-blocking.
  using OpenCount = std::function<std::size_t()>;
  using OnAccept = std::function<void(int fd, bool over_limit)>;

  Listeners(Loop& loop, Poller& poller, const Limits& limits, OpenCount open_count,
            OnAccept on_accept);
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// `address`: `127.0.0.1:8080`, `[::1]:0`. Returns it with the port that was bound.
  /// Errors: kInvalid, for what is no address; kOverloaded, for what can't be bound.
  Result<std::string> listen(const std::string& address);
  /// Takes over a socket that somebody else has made to listen.
  /// Errors: kInvalid, for what does not listen for TCP.
  Result<std::string> adopt(int fd);
  /// Who waits already.
  void accept_all();
  void close();

  /// From here on. Connections that are open already stay.
  void use_limits(const Limits& limits) { limits_ = limits; }

  /// A poller token of a listener, and not of a connection.
  static bool is_token(std::uint64_t token) { return (token & kTokenBit) != 0; }
  void on_ready(std::uint64_t token);

 private:
  static constexpr std::uint64_t kTokenBit = std::uint64_t{1} << 63;

  Result<void> add(int fd);
  /// So many as a turn may take. False when none waits any more.
  bool accept_some(int socket);
  /// Answers 503, as far as that is possible without waiting, and closes.
  static void turn_away(int fd);
  /// The same for the next one, where there is no descriptor for it. False when that can't be done.
  bool turn_next_away(int socket);
  void pause();
  void resume();

  Poller& poller_;
  Limits limits_;
  OpenCount open_count_;
  OnAccept on_accept_;
  std::vector<int> sockets_;
  int reserve_fd_;  // -1: none
  bool paused_ = false;
  Timer retry_;
};

}  // namespace progressd
