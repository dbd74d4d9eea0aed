// A command that is run, and whose output is read.
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

 private:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}

  pid_t pid_;
  int output_;
  std::optional<Ending> ending_;
};

}  // namespace progressd::ctl
