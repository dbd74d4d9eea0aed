// Signals as something to read, so that Ctrl-C comes between two events and never within one.
// At most one of these at a time.
#pragma once

#include <csignal>
#include <optional>

namespace progressd::ctl {

class Signals {
 public:
  /// Holds back SIGINT, SIGTERM, SIGHUP and SIGWINCH, and SIGCHLD. Processes that are started
  /// meanwhile are given `before()` back.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_; }
  /// The next one that came.
  std::optional<int> take();
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_;
  int fd_;
};

/// Whether the signal asks the program to end.
constexpr bool asks_to_end(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
}

}  // namespace progressd::ctl
