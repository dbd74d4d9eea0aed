// What answers take that their readers have not taken yet, of all connections together. What a
// connection has of small ones is not counted: connections are, and each one's are bounded.
//
//   up to the bound         every answer is taken
//   beyond it               a large one to a GET is replaced by 503; a change's is told as it is
//   beyond twice the bound  no change is made any more: 503 to it before it is
//
// Thread: the loop's.
#pragma once

#include <cstddef>

#include "net/http/response.h"

namespace progressd {

class WaitingAnswers {
 public:
  /// A connection's buffer up to this size is a small one.
  static constexpr std::size_t kSmallBytesMax = 4 * 1024;

  /// `bytes_max`: the bound. It may change meanwhile, and is in force at once.
  explicit WaitingAnswers(const std::size_t& bytes_max) : bytes_max_(bytes_max) {}

  /// A connection's buffer, which counted as `before`, takes so many bytes now. Returns what it
  /// counts as from here on.
  std::size_t recount(std::size_t before, std::size_t bytes) {
    const std::size_t counted = bytes > kSmallBytesMax ? bytes : 0;
    bytes_ += counted - before;
    return counted;
  }
  /// Whether a connection's buffer, which counted as `before`, may take so many bytes. One alone
  /// may whatever it takes: it has a bound of its own.
  bool have_room_for(std::size_t before, std::size_t bytes) const {
    const std::size_t others = bytes_ - before;
    return others == 0 || others + bytes <= bytes_max_;
  }
  bool are_over_bound() const { return bytes_ > bytes_max_; }
  bool bar_changes() const { return bytes_ / 2 > bytes_max_; }

  static Response refusal() {
    return problem(503, "too many answers wait for their readers", kRetryAfterSeconds);
  }

 private:
  static constexpr int kRetryAfterSeconds = 5;

  const std::size_t& bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace progressd
