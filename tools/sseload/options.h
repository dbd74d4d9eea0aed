// Why: everything that the command line says, checked and in units that the rest needs. Read-only
//      after parse_options().
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clock.h"
#include "order_check.h"
#include "result.h"
#include "target_url.h"
#include "text_template.h"
#include "units.h"

namespace sseload {

struct StreamOptions {
  TargetUrl url;
  TextTemplate path;
  std::vector<TextTemplate> headers;  ///< "Name: value"
  std::uint32_t connections = 1;
  double ramp_per_second = 0;  ///< 0: as fast as in_flight_max allows
  std::uint32_t in_flight_max = 128;
  Nanoseconds connect_timeout_ns = 30 * kSecond;
  std::vector<std::uint32_t> source_addresses;
  Share stuck;
  Nanoseconds stuck_for_ns = kNever;  ///< from the end of the ramp
  int receive_buffer_bytes = 0;       ///< 0: the kernel's choice
  int segment_bytes = 0;              ///< of TCP; 0: the kernel's choice
  bool compressed = false;            ///< gzip is asked for, and has to come
  bool reconnects = false;
  Nanoseconds reconnect_delay_ns = 0;  ///< 0: what the server's retry: says
  bool allows_end = false;
};

struct CheckOptions {
  bool checks_ids = true;
  std::string seq_field;
  SeqRule seq;
  std::string time_field;
  Nanoseconds time_unit_ns = kMicrosecond;
  clockid_t time_clock = CLOCK_MONOTONIC;
  Nanoseconds pace_ns = 0;  ///< 0: off
  std::vector<std::string> terminal_events;
  std::vector<std::string> unchecked_events;
  std::vector<std::string> forbidden_events;
  std::optional<std::uint64_t> expected_events;
  bool expects_published = false;  ///< as many as were published to the stream's target

  bool expects_events() const { return expected_events || expects_published; }
};

struct PublishOptions {
  bool is_on = false;
  TargetUrl url;
  TextTemplate path;
  std::string method = "POST";
  std::string content_type = "application/json";
  std::vector<TextTemplate> headers;
  TextTemplate body;
  double per_second = 0;  ///< events; 0: as fast as answers come
  std::uint32_t connections = 1;
  std::uint32_t pipeline = 1;
  std::uint32_t lines = 1;  ///< events in one request
  std::uint32_t targets = 1;
  std::uint64_t count = 0;   ///< events; 0: for as long as --hold
  std::uint64_t window = 0;  ///< events on their way to readers; 0: no bound
  bool stamps_due_time = false;
  std::string accepted_field;
};

struct Options {
  StreamOptions streams;
  CheckOptions checks;
  PublishOptions publish;
  Nanoseconds hold_ns = 0;
  Nanoseconds warmup_ns = 0;
  Nanoseconds settle_ns_max = 0;
  Nanoseconds open_ns_max = 0;
  std::vector<pid_t> pids;
  std::vector<std::uint64_t> memory_marks;
  Nanoseconds mark_pause_ns = 0;
  std::string json_path;  ///< empty: none; "-": standard output
  bool is_quiet = false;
};

/// Nothing where --help was asked for and printed.
Result<std::optional<Options>> parse_options(int argc, char** argv);

}  // namespace sseload
