// A command that is run, and whose output is read.
//
// Where standard input is no terminal, it has a process group of its own, so that what is sent to
// it reaches what it has started, too. On a terminal that would take its keyboard away: there it
// stays in ours, where Ctrl-C reaches it by itself.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace progressd::ctl {

/// How a process ended.
struct Ending {
  int exit_status = 0;  // as a shell has it: 128 and the signal's number
  std::string reason;   // empty when it went well
};

class Child {
 public:
  /// Runs `command` with `signals` held back. Its standard output is a pipe, and so is its standard
  /// error when `with_stderr`. Errors: kInvalid, when it can't be run.
  static Result<Child> start(const std::vector<std::string>& command, bool with_stderr,
                             const sigset_t& signals);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  /// It has ended, or is left alone.
  ~Child();

  /// What it writes.
  int output() const { return output_; }
  /// How it ended, once it has.
  std::optional<Ending> ending();
  void send(int signal) const;
  /// Whether Ctrl-C comes to it without our help.
  bool shares_terminal() const { return shares_terminal_; }

 private:
  Child(pid_t pid, int output, bool shares_terminal)
      : pid_(pid), output_(output), shares_terminal_(shares_terminal) {}

  pid_t pid_;
  int output_;
  bool shares_terminal_;
  std::optional<Ending> ending_;
};

}  // namespace progressd::ctl
