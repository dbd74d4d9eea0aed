// The system calls of a connected socket, behind a seam: tests put short writes and errors there.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace progressd {

class SocketIo {
 public:
  enum class Status { kOk, kWouldBlock, kEnd, kFailed };
  struct Outcome {
    Status status;
    std::size_t bytes;  // kOk: how many
  };

  virtual ~SocketIo() = default;
  virtual Outcome read(int fd, std::span<char> room);
  /// Writes the pieces one after another, at most kPiecesMax of them, in one system call.
  virtual Outcome write(int fd, std::span<const std::string_view> pieces);
  /// No more is written; what the peer still sends is read.
  virtual void shut_write(int fd);
  virtual void close(int fd);
  /// `ADDRESS:PORT` of the peer; empty when it has gone.
  virtual std::string peer(int fd);

  static constexpr std::size_t kPiecesMax = 320;
};

}  // namespace progressd
