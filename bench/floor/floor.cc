// floor: what the kernel and the wire cost, and nothing else. It is the bar that progressd is held
// against: raw epoll, no HTTP parsing, no timeouts, no history, no queues, one thread.
//
//   floor PORT [--batch]      port 0: any; the address is printed
//
//   GET  …/job-{i}/…          a stream of topic i (0 where there is no number)
//   POST, PATCH …             each line of the body is an event of the topic that the line or the
//                             path names
//
// Each event is one send() per subscriber; with --batch, all events that a topic got in one turn of
// the loop are. A connection's state is one Connection and a place in its topic.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/floor/request_scan.h"
#include "bench/floor/topics.h"

namespace floor_server {
namespace {

constexpr int kBacklog = 4096;
constexpr std::size_t kReadyMax = 1024;
constexpr std::size_t kReadBytesMax = 256 * 1024;

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "Transfer-Encoding: chunked\r\n\r\nd\r\nretry: 2000\n\n\r\n";

struct Connection {
  int socket = -1;
  bool is_stream = false;
  std::uint32_t topic = 0;
  std::uint32_t place = 0;  ///< in its topic
  std::string unfinished;   ///< the part of a request that has come so far
};

class Floor {
 public:
  Floor(int listener, bool batches) : listener_(listener), topics_(batches) {}

  [[noreturn]] void run();

 private:
  void watch(int socket) const;
  void accept_all();
  void read_from(Connection& connection);
  /// Returns the bytes of complete requests at the front of `received`.
  std::size_t take_requests(Connection& connection, std::string_view received);
  void publish_lines(const Request& request);
  void close_connection(Connection& connection);

  const int listener_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  Topics topics_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< by socket
  std::array<char, kReadBytesMax> room_{};
  std::string answers_;
};

void Floor::watch(int socket) const {
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  interest.data.fd = socket;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &interest) != 0) {
    std::perror("epoll_ctl");
    std::exit(1);
  }
}

void Floor::run() {
  watch(listener_);
  std::vector<epoll_event> ready(kReadyMax);
  while (true) {
    const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), -1);
    for (int k = 0; k < count; ++k) {
      const int socket = ready[static_cast<std::size_t>(k)].data.fd;
      if (socket == listener_) {
        accept_all();
      } else if (const auto& connection = connections_[static_cast<std::size_t>(socket)]) {
        read_from(*connection);
      }
    }
    topics_.flush();
  }
}

void Floor::accept_all() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    const auto number = static_cast<std::size_t>(socket);
    if (number >= connections_.size()) connections_.resize(number + 1);
    connections_[number] = std::make_unique<Connection>();
    connections_[number]->socket = socket;
    watch(socket);
  }
}

void Floor::read_from(Connection& connection) {
  while (true) {
    const ssize_t got = recv(connection.socket, room_.data(), room_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) return close_connection(connection);
    const std::string_view received(room_.data(), static_cast<std::size_t>(got));
    if (connection.unfinished.empty()) {
      connection.unfinished = received.substr(take_requests(connection, received));
    } else {
      connection.unfinished.append(received);
      connection.unfinished.erase(0, take_requests(connection, connection.unfinished));
    }
    if (received.size() < room_.size()) break;  // the socket is empty: the next bytes are an edge
  }
  if (answers_.empty()) return;
  const ssize_t sent = send(connection.socket, answers_.data(), answers_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(answers_.size())) shutdown(connection.socket, SHUT_RDWR);
  answers_.clear();
}

std::size_t Floor::take_requests(Connection& connection, std::string_view received) {
  std::size_t taken = 0;
  while (const auto request = take_request(received.substr(taken))) {
    taken += request->bytes;
    if (!request->is_stream) {
      publish_lines(*request);
      continue;
    }
    connection.is_stream = true;
    connection.topic = request->topic;
    connection.place = topics_.join(request->topic, connection.socket);
    answers_.append(kStreamHead);
  }
  return taken;
}

void Floor::publish_lines(const Request& request) {
  std::uint32_t lines = 0;
  std::string_view rest = request.body;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty()) continue;
    topics_.publish(number_after(line, "\"job\":\"job-", request.topic), line);
    ++lines;
  }
  const std::string body = "{\"accepted\":" + std::to_string(lines) + "}";
  answers_.append("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ");
  answers_.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

void Floor::close_connection(Connection& connection) {
  const int socket = connection.socket;
  if (connection.is_stream) {
    const int moved = topics_.leave(connection.topic, connection.place);
    if (moved >= 0) connections_[static_cast<std::size_t>(moved)]->place = connection.place;
  }
  connections_[static_cast<std::size_t>(socket)].reset();
  close(socket);
}

int open_listener(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  if (bind(listener, generic, length) != 0 || listen(listener, kBacklog) != 0 ||
      getsockname(listener, generic, &length) != 0) {
    std::perror("floor");
    return -1;
  }
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace floor_server

int main(int argc, char** argv) {
  const bool batches = argc == 3 && std::string_view(argv[2]) == "--batch";
  if (argc < 2 || argc > 3 || (argc == 3 && !batches)) {
    std::fputs("usage: floor PORT [--batch]\n", stderr);
    return 2;
  }
  floor_server::raise_descriptor_limit();
  const std::uint32_t port = floor_server::number_at(argv[1], 0);
  const int listener = floor_server::open_listener(static_cast<std::uint16_t>(port));
  if (listener < 0) return 1;
  const auto server = std::make_unique<floor_server::Floor>(listener, batches);
  server->run();
}
