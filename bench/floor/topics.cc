#include "bench/floor/topics.h"

#include <sys/socket.h>

#include "bench/floor/event_bytes.h"

namespace floor_server {
namespace {

/// A floor has no queue for a slow reader: one whose socket is full is cut off, and the load
/// generator counts that as a dropped stream.
void send_all(const std::vector<int>& sockets, std::string_view bytes) {
  for (const int socket : sockets) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) shutdown(socket, SHUT_RDWR);
  }
}

}  // namespace

Topic& Topics::of(std::uint32_t topic) {
  if (topic >= topics_.size()) topics_.resize(topic + 1);
  return topics_[topic];
}

std::uint32_t Topics::join(std::uint32_t topic, int socket) {
  std::vector<int>& subscribers = of(topic).subscribers;
  subscribers.push_back(socket);
  return static_cast<std::uint32_t>(subscribers.size() - 1);
}

int Topics::leave(std::uint32_t topic, std::uint32_t place) {
  std::vector<int>& subscribers = topics_[topic].subscribers;
  subscribers[place] = subscribers.back();
  subscribers.pop_back();
  return place < subscribers.size() ? subscribers[place] : -1;
}

void Topics::publish(std::uint32_t number, std::string_view line) {
  Topic& topic = of(number);
  if (batches_) {
    if (topic.due.empty()) due_.push_back(number);
    return append_event(topic.due, ++last_id_, line);
  }
  frame_.clear();
  append_event(frame_, ++last_id_, line);
  send_all(topic.subscribers, frame_);
}

void Topics::flush() {
  for (const std::uint32_t number : due_) {
    send_all(topics_[number].subscribers, topics_[number].due);
    topics_[number].due.clear();
  }
  due_.clear();
}

}  // namespace floor_server
