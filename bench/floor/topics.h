// Why: who gets what. With --batch, the frames of one loop turn are joined before they are sent.
//      A topic knows its subscribers' sockets and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace floor_server {

struct Topic {
  std::vector<int> subscribers;  ///< sockets
  std::string due;               ///< frames of this turn, with --batch
};

class Topics {
 public:
  explicit Topics(bool batches) : batches_(batches) {}

  /// Returns where in the topic the socket stands; leave() wants to know.
  std::uint32_t join(std::uint32_t topic, int socket);

  /// Returns the socket that now stands at `place`, or -1.
  int leave(std::uint32_t topic, std::uint32_t place);

  /// Sends one event to each subscriber, or keeps it for flush().
  void publish(std::uint32_t topic, std::string_view line);

  void flush();

 private:
  Topic& of(std::uint32_t topic);

  const bool batches_;
  std::uint64_t last_id_ = 0;
  std::vector<Topic> topics_;
  std::vector<std::uint32_t> due_;
  std::string frame_;
};

}  // namespace floor_server
