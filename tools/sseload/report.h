// Why: a finished run in numbers, worked out once, so that the table and the JSON can't differ.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "load_run.h"
#include "options.h"

namespace sseload {

struct Report {
  Report(const Options& options_in, const LoadRun& run_in) : options(options_in), run(run_in) {}

  const Options& options;
  const LoadRun& run;

  bool is_ok = false;
  std::vector<std::string> failures;  ///< why not, in words

  double opened_per_second = 0;
  double measured_s = 0;  ///< from the end of warm-up to the last event
  std::uint64_t measured_events = 0;
  double events_per_second = 0;
  double events_per_read = 0;
  double published_per_second = 0;

  /// Of one core: 1.0 is all of it. Running and waiting for a core both count as being in demand.
  double own_share_opening = 0;
  double own_share_measured = 0;
  double own_demand_measured = 0;
  bool was_bottleneck_opening = false;
  bool was_bottleneck = false;

  std::optional<double> pss_per_stream;  ///< bytes; slope between the first and last memory mark
  std::optional<double> rss_per_stream;
  std::optional<double> kernel_per_stream;  ///< whole machine, both ends of each connection
  std::optional<double> slab_per_stream;    ///< of it, in slabs
  std::optional<double> server_us_per_open;
  std::optional<double> server_us_per_event;
  std::optional<double> server_share_measured;
};

Report make_report(const Options& options, const LoadRun& run);

std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace sseload
