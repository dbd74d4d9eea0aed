#include "tools/progressctl/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/ensure.h"

namespace progressd::ctl {

Signals::Signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCHLD}) sigaddset(&held, signal);
  ENSURE(sigprocmask(SIG_BLOCK, &held, &before_) == 0);
  fd_ = signalfd(-1, &held, SFD_NONBLOCK | SFD_CLOEXEC);
  ENSURE(fd_ >= 0);
}

Signals::~Signals() {
  close(fd_);
  ENSURE(sigprocmask(SIG_SETMASK, &before_, nullptr) == 0);
}

std::optional<int> Signals::take() {
  signalfd_siginfo info{};
  if (read(fd_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace progressd::ctl
