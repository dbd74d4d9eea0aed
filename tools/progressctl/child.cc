#include "tools/progressctl/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/base/ensure.h"

namespace progressd::ctl {
namespace {

Ending ending_of(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return {128 + signal, fmt::format("ended by signal {} ({})", signal, strsignal(signal))};
  }
  const int code = WEXITSTATUS(status);
  return {code, code == 0 ? "" : fmt::format("exit status {}", code)};
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& command, bool with_stderr,
                           const sigset_t& signals) {
  std::array<int, 2> ends{};
  ENSURE(pipe2(ends.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  ENSURE(posix_spawn_file_actions_init(&actions) == 0);
  ENSURE(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0);
  if (with_stderr) {
    ENSURE(posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO) == 0);
  }
  posix_spawnattr_t attributes;
  sigset_t by_default;
  sigemptyset(&by_default);
  sigaddset(&by_default, SIGPIPE);  // we ignore it; a command is used to ending by it
  ENSURE(posix_spawnattr_init(&attributes) == 0);
  ENSURE(posix_spawnattr_setsigdefault(&attributes, &by_default) == 0);
  ENSURE(posix_spawnattr_setsigmask(&attributes, &signals) == 0);
  const bool shares_terminal = isatty(STDIN_FILENO) != 0;
  const int own_group = shares_terminal ? 0 : POSIX_SPAWN_SETPGROUP;  // of its own number
  ENSURE(posix_spawnattr_setflags(
             &attributes,
             static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | own_group)) == 0);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, words.front(), &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return fail(Errc::kInvalid, fmt::format("{}: {}", command.front(), std::strerror(error)));
  }
  return Child(pid, ends[0], shares_terminal);
}

Child::Child(Child&& other) noexcept
    : pid_(other.pid_),
      output_(std::exchange(other.output_, -1)),
      shares_terminal_(other.shares_terminal_),
      ending_(std::move(other.ending_)) {}

Child::~Child() {
  if (output_ >= 0) close(output_);
}

std::optional<Ending> Child::ending() {
  int status = 0;
  if (!ending_ && waitpid(pid_, &status, WNOHANG) == pid_) ending_ = ending_of(status);
  return ending_;
}

void Child::send(int signal) const {
  if (!ending_) kill(shares_terminal_ ? pid_ : -pid_, signal);
}

}  // namespace progressd::ctl
