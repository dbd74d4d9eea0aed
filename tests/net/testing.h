// What the net tests share: a server on a thread of its own, and a blocking client that sends
// exactly the bytes that a test wants.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/server.h"
#include "net/uv/inbox.h"

namespace progressd {

/// A server on 127.0.0.1, any port, until it goes out of scope. Its loop's destructor ENSUREs that
/// uv_loop_close() found nothing left.
class TestServer {
 public:
  /// `journal`: none for one in memory.
  explicit TestServer(const Config& wanted = {},
                      const std::optional<SqliteSettings>& journal = std::nullopt) {
    Config config = wanted;
    config.listen = {"127.0.0.1:0"};
    config.drain_ms = 0;
    complete_config(config, 2'000);
    std::promise<int> port;
    std::future<int> bound = port.get_future();
    thread_ = std::thread([this, config = std::move(config), journal, &port] {
      Loop loop;
      Server server(loop, config, /*rounds_per_ms=*/100'000, Machine{}, journal);
      inbox_ = std::make_shared<Inbox<Task>>(loop, 1, [&](const std::vector<Task>& tasks) {
        for (const Task& task : tasks) task(server);
      });
      const auto addresses = server.start();
      port.set_value(std::stoi(addresses->front().substr(addresses->front().rfind(':') + 1)));
      loop.run();
      inbox_->close();
    });
    port_ = bound.get();
  }
  ~TestServer() {
    inbox_->post([](Server& server) { server.begin_drain(); });
    thread_.join();
  }
  /// Returns when the loop has done it.
  void run(const std::function<void(Server&)>& task) {
    std::promise<void> done;
    inbox_->post([&](Server& server) {
      task(server);
      done.set_value();
    });
    done.get_future().wait();
  }
  int port() const { return port_; }

 private:
  using Task = std::function<void(Server&)>;
  std::shared_ptr<Inbox<Task>> inbox_;
  std::thread thread_;
  int port_ = 0;
};

class TestClient {
 public:
  explicit TestClient(const TestServer& server) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~TestClient() { close(fd_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has closed: what it said before can still be read
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  int port() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
    return ntohs(own.sin_port);
  }
  void shut_write() { shutdown(fd_, SHUT_WR); }

  /// Everything up to and with `end`; what was read so far when the server closes, or after 20 s.
  std::string read_until(std::string_view end) {
    for (;;) {
      if (const std::size_t at = input_.find(end); at != std::string::npos) {
        const std::string text = input_.substr(0, at + end.size());
        input_.erase(0, text.size());
        return text;
      }
      if (!read_more()) return std::exchange(input_, {});
    }
  }
  /// Everything until the server closes.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(input_, {});
  }

  /// One response with a Content-Length: its head and its body.
  std::string read_response() {
    std::string response = read_until("\r\n\r\n");
    const std::size_t at = response.find("Content-Length: ");
    if (at == std::string::npos) return response;
    const std::size_t length = std::stoul(response.substr(at + 16));
    while (input_.size() < length && read_more()) {
    }
    response += input_.substr(0, length);
    input_.erase(0, length);
    return response;
  }

  /// A request with a JSON body, and its response.
  std::string request(std::string_view method, std::string_view path, std::string_view body = "") {
    send(
        fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    method, path, body.size(), body));
    return read_response();
  }

 private:
  bool read_more() {
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, 20'000) != 1) return false;
    char bytes[4096];
    const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int fd_;
  std::string input_;
};

inline std::string status_line(const std::string& response) {
  return response.substr(0, response.find("\r\n"));
}

}  // namespace progressd
