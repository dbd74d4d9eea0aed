#include "report.h"

#include <fmt/format.h>

#include "units.h"

namespace sseload {
namespace {

constexpr double kBottleneckShare = 0.9;
// Shorter spans are all start and end.
constexpr Nanoseconds kTellingSpan = 200 * kMillisecond;

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0.0;
}

double own_share(const OwnTime& from, const OwnTime& to, bool with_waiting) {
  const Nanoseconds waited = with_waiting ? to.waiting_ns - from.waiting_ns : 0;
  const Nanoseconds wall = to.at_ns - from.at_ns;
  return wall > 0 ? to_seconds(to.cpu_ns - from.cpu_ns + waited) / to_seconds(wall) : 0.0;
}

void list_failures(Report& report) {
  const Tally& tally = report.run.tally();
  const EventFaults& faults = tally.faults;
  const auto list = [&report](std::uint64_t count, std::string_view what) {
    if (count > 0) report.failures.push_back(fmt::format("{} {}", with_commas(count), what));
  };
  list(tally.fates.failed, "streams never opened");
  list(tally.fates.dropped, "streams dropped");
  list(report.options.streams.connections - tally.fates.opened - tally.fates.failed,
       "streams not reached");
  list(faults.gaps, "gaps");
  list(faults.missing, "events missing in gaps");
  list(faults.duplicates, "duplicates");
  list(faults.reordered, "events out of order");
  list(faults.id_duplicates, "ids twice");
  list(faults.id_reordered, "ids out of order");
  list(faults.cut, "events cut off at the end of a stream");
  list(faults.forbidden, "forbidden events");
  list(faults.short_streams, "streams with too few events");
  list(faults.short_events, "events that those lack");
  list(faults.surplus_events, "events too many");
  const Publisher& publisher = report.run.publisher();
  list(publisher.tally().refused, "published events refused");
  list(publisher.lost(), "published events without an answer");
  const std::uint64_t count = report.options.publish.count;
  if (count > publisher.tally().issued)
    list(count - publisher.tally().issued, "events never published");
  if (report.options.publish.is_on && publisher.tally().requests == 0) {
    report.failures.push_back("nothing published: " + publisher.last_failure());
  }
  if (!report.options.checks.seq_field.empty() && tally.counted_events > 0 &&
      tally.without_seq == tally.counted_events) {
    report.failures.push_back("no event has the --seq-field");
  }
  if (report.run.costs().is_interrupted) report.failures.emplace_back("interrupted");
  report.is_ok = report.failures.empty();
}

void work_out_server(Report& report) {
  const RunCosts& costs = report.run.costs();
  if (costs.memory_marks.empty()) return;
  const CostMark& first = costs.memory_marks.size() > 1 ? costs.memory_marks.front() : costs.before;
  const CostMark& last = costs.memory_marks.back();
  const auto slope = [&](std::uint64_t from, std::uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) /
           static_cast<double>(last.streams - first.streams);
  };
  if (first.server && last.server && last.streams > first.streams) {
    report.pss_per_stream = slope(first.server->pss_bytes, last.server->pss_bytes);
    report.rss_per_stream = slope(first.server->rss_bytes, last.server->rss_bytes);
    report.kernel_per_stream = slope(first.kernel.bytes, last.kernel.bytes);
    report.slab_per_stream = slope(first.kernel.slab_bytes, last.kernel.slab_bytes);
  }
  if (costs.before.server && last.server && last.streams > 0) {
    const Nanoseconds cpu = last.server->cpu.cpu_ns - costs.before.server->cpu.cpu_ns;
    report.server_us_per_open = to_seconds(cpu) * 1e6 / static_cast<double>(last.streams);
  }
  if (!costs.measured_from.server || !costs.end.server) return;
  const Nanoseconds cpu = costs.end.server->cpu.cpu_ns - costs.measured_from.server->cpu.cpu_ns;
  if (report.measured_events > 0) {
    report.server_us_per_event =
        to_seconds(cpu) * 1e6 / static_cast<double>(report.measured_events);
  }
  if (!costs.server_active) return;
  const CpuSample& from = costs.measured_from.server->cpu;
  const Nanoseconds wall = costs.server_active->at_ns - from.at_ns;
  if (wall > 0) {
    report.server_share_measured =
        to_seconds(costs.server_active->cpu_ns - from.cpu_ns) / to_seconds(wall);
  }
}

}  // namespace

Report make_report(const Options& options, const LoadRun& run) {
  Report report(options, run);
  const Tally& tally = run.tally();
  const RunCosts& costs = run.costs();
  report.opened_per_second = per_second(tally.fates.opened, to_seconds(costs.opening_ns));
  report.measured_events = tally.is_measuring ? tally.events - tally.events_before : 0;
  if (report.measured_events > 0) {
    report.measured_s = to_seconds(tally.last_event_ns - tally.measured_from_ns);
  }
  report.events_per_second = per_second(report.measured_events, report.measured_s);
  const std::uint64_t reads = tally.is_measuring ? tally.reads - tally.reads_before : 0;
  report.events_per_read =
      reads > 0 ? static_cast<double>(report.measured_events) / static_cast<double>(reads) : 0;
  const PublishTally& published = run.publisher().tally();
  if (tally.is_measuring && published.last_answer_ns > 0) {
    const double span =
        to_seconds(published.last_answer_ns - tally.measured_from_ns + options.warmup_ns);
    report.published_per_second = per_second(published.answered, span);
  }
  if (costs.opening_ns > 0) {
    report.own_share_opening = to_seconds(costs.own_opening_cpu_ns) / to_seconds(costs.opening_ns);
  }
  report.own_share_measured = own_share(costs.measured_from.own, costs.own_active, false);
  report.own_demand_measured = own_share(costs.measured_from.own, costs.own_active, true);
  report.was_bottleneck_opening =
      report.own_share_opening > kBottleneckShare && costs.opening_ns >= kTellingSpan;
  report.was_bottleneck = report.own_demand_measured > kBottleneckShare &&
                          costs.own_active.at_ns - costs.measured_from.own.at_ns >= kTellingSpan;
  work_out_server(report);
  list_failures(report);
  return report;
}

}  // namespace sseload
