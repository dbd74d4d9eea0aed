// Listening sockets: accepts in batches, says no when there are too many, and survives a kernel
// that has no descriptor left.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "net/uv/poller.h"
#include "net/uv/timer.h"

namespace progressd {

class Listeners {
 public:
  struct Limits {
    std::size_t connections_max;
    /// So many more are accepted only to be answered 503.
    std::size_t refusals_max;
  };
  /// `open_count()`: connections now. `on_accept(fd, over_limit)`: a new one, non-blocking.
  using OpenCount = std::function<std::size_t()>;
  using OnAccept = std::function<void(int fd, bool over_limit)>;

  Listeners(Loop& loop, Poller& poller, const Limits& limits, OpenCount open_count,
            OnAccept on_accept);
  ~Listeners() { close(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// `address`: `127.0.0.1:8080`, `[::1]:0`. Returns it with the port that was bound.
  /// Errors: kInvalid, for what is no address; kOverloaded, for what can't be bound.
  Result<std::string> listen(const std::string& address);
  void close();

  /// A poller token of a listener, and not of a connection.
  static bool is_token(std::uint64_t token) { return (token & kTokenBit) != 0; }
  void on_ready(std::uint64_t token);

 private:
  static constexpr std::uint64_t kTokenBit = std::uint64_t{1} << 63;

  void pause();
  void resume();

  Poller& poller_;
  Limits limits_;
  OpenCount open_count_;
  OnAccept on_accept_;
  std::vector<int> sockets_;
  bool paused_ = false;
  Timer retry_;
};

/// Whether only this machine can reach the address.
/// Errors: kInvalid, for what is no address.
Result<bool> is_loopback(const std::string& address);

}  // namespace progressd
