// The part of the server that goes over to another configuration while it runs.
#include <string_view>
#include <utility>

#include "net/config_reload.h"
#include "net/log.h"
#include "net/server.h"

namespace progressd {

void Server::reload(Config next) {
  config_.access.keys = gate_.keys();  // a key that was taken out since stays so
  for (const std::string_view flag : keep_what_is_fixed(config_, next)) {
    log::warn("{} can't change while the server runs: restart for it", flag);
  }
  // The HTTP side and the streams refer to these two, and go by them from here on.
  config_ = std::move(next);
  limits_ = in_force(config_);
  log::use(config_.log);
  if (gate_.use(config_.access)) ask_streams_again();
  http_.on_settings_changed();
  listeners_.use_limits(listener_limits());
  stream_limits_.use_bounds(limits_.access.streams_per_user_max,
                            config_.access.streams_per_address_max);
  creation_limits_.use_limits(creation_limits());
  budget_.use_bytes_max(config_.job_bytes_max);
  report_limits_.use_rate(limits_.access.reports_per_second_max);
  hub_.use_history(limits_.history);
  if (durable_ != nullptr) durable_->use_history(limits_.history);
  caretaker_.use_retention(config_.retain_finished_ms, config_.retain_channels_ms);
  if (ledger_.is_deferred()) {
    ledger_.use_bounds(table_bounds());
  } else {
    jobs_.use_limits(limits_.jobs);
    channels_.use_limits(limits_.channels);
  }
  log::info("the configuration was read again, and is in force");
}

}  // namespace progressd
