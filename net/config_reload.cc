#include "net/config_reload.h"

namespace progressd {

std::vector<std::string_view> keep_what_is_fixed(const Config& running, Config& next) {
  std::vector<std::string_view> fixed;
  const auto keep = [&](std::string_view flag, const auto& was, auto& is) {
    if (is == was) return;
    is = was;
    fixed.push_back(flag);
  };
  next.passed_sockets = running.passed_sockets;
  if (!running.passed_sockets.empty() && !running.reuse_port) {
    // A service manager's: they took the place of these flags.
    next.listen = running.listen;
    next.reuse_port = running.reuse_port;
  }
  keep("--listen", running.listen, next.listen);
  keep("--reuse-port", running.reuse_port, next.reuse_port);
  keep("--takeover-wait", running.takeover_wait_ms, next.takeover_wait_ms);
  keep("--insecure", running.insecure, next.insecure);
  keep("--journal", running.journal, next.journal);
  keep("--durability", running.journal_synced, next.journal_synced);
  keep("--journal-log-bytes", running.journal_log_bytes_min, next.journal_log_bytes_min);
  keep("--job-threads", running.job_threads, next.job_threads);
  keep("--watch", running.watches, next.watches);
  keep("--demo-duration", running.demo_jobs.duration_ms, next.demo_jobs.duration_ms);
  keep("--demo-fail-rate", running.demo_jobs.fail_rate, next.demo_jobs.fail_rate);
  keep("--demo", running.demo, next.demo);
  keep("--log-format", running.log.format, next.log.format);
  if (running.access.keys.has_value() != next.access.keys.has_value()) {
    // Nor what is meant for the other case.
    next.access.keys = running.access.keys;
    next.access.ticket_secret = running.access.ticket_secret;
    next.access.token_rules = running.access.token_rules;
    next.access.cors_origins = running.access.cors_origins;
    fixed.push_back("--auth");
  }
  return fixed;
}

}  // namespace progressd
