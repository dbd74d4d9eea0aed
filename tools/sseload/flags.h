// Why: the command line as it is written. What a flag is called and says for itself stands in
//      flags.cc; what it means, in options.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "options.h"

namespace sseload {

/// The flags as they are written; turned into Options once all are known.
struct Flags {
  std::string url;
  std::vector<std::string> headers;
  std::string ramp = "max", hold, warmup = "0", settle = "5s", open_timeout = "10m";
  std::string connect_timeout = "30s", source_addresses, stuck, stuck_for, reconnect_delay = "0";
  std::string id_order = "auto", expect_events, pace, time_unit, time_clock = "monotonic";
  std::optional<std::int64_t> expect_first;
  std::string publish_url, publish_body, publish_rate = "max";
  std::vector<std::string> publish_headers;
  std::string memory_marks, mark_pause = "300ms";
  bool allows_remote = false;
};

/// Plain numbers and switches go straight into `options`, the rest into `flags`.
void add_flags(CLI::App& app, Flags& flags, Options& options);

}  // namespace sseload
