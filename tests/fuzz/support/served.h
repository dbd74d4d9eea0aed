// The whole server of net/server.h, with nothing of it left out but the sockets, the clock and
// chance: those are in memory, and an input decides about them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/server.h"
#include "tests/fuzz/support/answers.h"
#include "tests/fuzz/support/memory_sockets.h"

namespace progressd::fuzz {

/// Small limits, so that short inputs reach them.
Config fuzz_config(bool auth_on);

class Served {
 public:
  /// `config` outlives it.
  explicit Served(const Config& config);

  std::size_t clients() const { return clients_.size(); }
  /// A new connection. `over_limit`: the listener had no room for it.
  std::size_t connect(bool over_limit = false);
  void send(std::size_t client, std::string_view bytes);
  /// The peer sends no more, but reads.
  void half_close(std::size_t client);
  void reset(std::size_t client);
  /// From here on so many bytes are taken from the server, and then its socket is full.
  void set_room(std::size_t client, std::size_t bytes);
  /// A turn of the loop.
  void turn();
  void pass(Millis length);

  /// Lets everybody read all there is, and ENSUREs that each request was answered once, or that
  /// there is a reason for it.
  void settle();
  /// The answers to a client so far.
  std::vector<Answer> answers(std::size_t client);
  /// Everybody leaves; ENSUREs that nothing of them is left.
  void leave();

 private:
  struct Client {
    int fd;
    ConnectionId id;
    std::string sent;
    bool over_limit;
    bool reset = false;
    bool left_unread = false;  // ended its side while it had no room
  };
  void edge(const Client& client);
  void check_answered(std::size_t client);

  const Config& config_;
  MemorySockets* sockets_;  // the server's
  Loop loop_;
  Server server_;
  std::vector<Client> clients_;
  Millis passed_ = 0;
};

}  // namespace progressd::fuzz
