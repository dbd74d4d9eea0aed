// Why: the report for people: few lines, aligned, in the order of the run.
#include <fmt/format.h>

#include <iterator>

#include "report.h"
#include "units.h"

namespace sseload {
namespace {

class Table {
 public:
  void add(std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(text_), "{:<18}{}\n", name, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string quantiles(const Histogram& histogram) {
  const auto ms = [](Nanoseconds ns) { return to_seconds(ns) * 1e3; };
  return fmt::format("p50 {:.3f}  p90 {:.3f}  p99 {:.3f}  p99.9 {:.3f}  max {:.3f} ms  ({} values)",
                     ms(histogram.quantile(0.5)), ms(histogram.quantile(0.9)),
                     ms(histogram.quantile(0.99)), ms(histogram.quantile(0.999)),
                     ms(histogram.max()), with_commas(histogram.count()));
}

std::string rounded(double number) { return with_commas(static_cast<std::uint64_t>(number + 0.5)); }

void add_streams(Table& table, const Report& report) {
  const StreamFates& fates = report.run.tally().fates;
  const double seconds = to_seconds(report.run.costs().opening_ns);
  std::string line = fmt::format("{} of {} opened in {:.2f} s ({}/s)", with_commas(fates.opened),
                                 with_commas(report.options.streams.connections), seconds,
                                 rounded(report.opened_per_second));
  const auto add = [&line](std::uint64_t count, std::string_view what) {
    if (count > 0) line += fmt::format(", {} {}", with_commas(count), what);
  };
  add(fates.failed, "failed");
  add(fates.finished, "finished");
  add(fates.dropped, "dropped");
  add(fates.reconnects, "reconnects");
  add(report.run.streams().stuck(), "stuck");
  add(fates.stuck_ended, "ended while stuck");
  table.add("streams", line);
  for (const auto& [reason, count] : fates.reasons) {
    table.add("", fmt::format("{} × {}", with_commas(count), reason));
  }
  if (fates.opened > 0) table.add("opening", quantiles(report.run.tally().opening));
}

void add_events(Table& table, const Report& report) {
  const Tally& tally = report.run.tally();
  table.add("events", fmt::format("{} in all; {} in {:.2f} s ({}/s, {:.1f} a read)",
                                  with_commas(tally.events), with_commas(report.measured_events),
                                  report.measured_s, rounded(report.events_per_second),
                                  report.events_per_read));
  std::string names;
  for (const EventKind& kind : tally.kinds.all()) {
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ",
                         kind.name.empty() ? "(unnamed)" : kind.name, with_commas(kind.count));
  }
  if (!names.empty()) table.add("by name", names);
  if (tally.latency.count() > 0) {
    table.add(report.options.checks.pace_ns > 0 ? "lateness" : "latency", quantiles(tally.latency));
  }
}

void add_publishing(Table& table, const Report& report) {
  if (!report.options.publish.is_on) return;
  const Publisher& publisher = report.run.publisher();
  const PublishTally& tally = publisher.tally();
  table.add("published",
            fmt::format("{} events in {} requests ({}/s)", with_commas(tally.answered),
                        with_commas(tally.requests), rounded(report.published_per_second)));
  table.add("answer time", quantiles(tally.answer_time));
  if (tally.lag.count() > 0) table.add("behind schedule", quantiles(tally.lag));
  if (!tally.first_refusal.empty()) table.add("first refusal", tally.first_refusal);
  if (publisher.failures() > 0) {
    table.add("", fmt::format("{} connection failures: {}", publisher.failures(),
                              publisher.last_failure()));
  }
  if (tally.window_stalls > 0)
    table.add("", fmt::format("{} × waited in vain for readers", tally.window_stalls));
}

void add_server(Table& table, const Report& report) {
  const RunCosts& costs = report.run.costs();
  if (report.options.pids.empty()) return;
  if (!costs.before.server || !costs.end.server)
    return table.add("server", "can't be measured: see --pid");
  const auto mib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); };
  std::string memory = fmt::format("PSS {:.2f} MiB before", mib(costs.before.server->pss_bytes));
  for (const CostMark& mark : costs.memory_marks) {
    if (mark.server)
      memory +=
          fmt::format(", {:.2f} at {}", mib(mark.server->pss_bytes), with_commas(mark.streams));
  }
  memory += fmt::format(", {:.2f} at the end", mib(costs.end.server->pss_bytes));
  table.add("server memory", memory);
  if (report.pss_per_stream && report.rss_per_stream && report.kernel_per_stream &&
      report.slab_per_stream) {
    table.add(
        "per stream",
        fmt::format("PSS {:.0f} bytes, RSS {:.0f}, kernel (whole machine) {:.0f}, its slabs {:.0f}",
                    *report.pss_per_stream, *report.rss_per_stream, *report.kernel_per_stream,
                    *report.slab_per_stream));
  }
  std::string cpu;
  if (report.server_us_per_open)
    cpu += fmt::format("{:.1f} µs a stream opened", *report.server_us_per_open);
  if (report.server_us_per_event)
    cpu += fmt::format(", {:.2f} µs an event", *report.server_us_per_event);
  if (report.server_share_measured)
    cpu += fmt::format(", {:.0f} % of a core", 100 * *report.server_share_measured);
  table.add("server CPU", cpu);
}

}  // namespace

std::string to_text(const Report& report) {
  Table table;
  add_streams(table, report);
  if (report.options.streams.connections > 0) add_events(table, report);
  add_publishing(table, report);
  add_server(table, report);
  table.add(
      "sseload itself",
      fmt::format(
          "{:.0f} % of a core opening, {:.0f} % measuring ({:.0f} % with waiting for the core)",
          100 * report.own_share_opening, 100 * report.own_share_measured,
          100 * report.own_demand_measured));
  if (report.was_bottleneck || report.was_bottleneck_opening) {
    table.add("", fmt::format("SSELOAD WAS THE BOTTLENECK {}: the server may be faster than this",
                              report.was_bottleneck ? "while measuring" : "while opening"));
  }
  for (const std::string& note : report.run.tally().notes()) table.add("fault", note);
  std::string verdict = report.is_ok ? "all checks held" : "FAILED";
  for (const std::string& failure : report.failures) verdict += "; " + failure;
  table.add("result", verdict);
  return table.take();
}

}  // namespace sseload
