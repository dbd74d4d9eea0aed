// Why: the report for programs. Names are camelCase with their unit; what was not measured is left
//      out.
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <string_view>

#include "report.h"

namespace sseload {
namespace {

class Json {
 public:
  Json() : writer_(buffer_) { writer_.SetMaxDecimalPlaces(6); }

  void open(std::string_view key = {}) {
    write_key(key);
    writer_.StartObject();
  }
  void close() { writer_.EndObject(); }
  void open_list(std::string_view key) {
    write_key(key);
    writer_.StartArray();
  }
  void close_list() { writer_.EndArray(); }
  void add(std::string_view key, std::uint64_t value) {
    write_key(key);
    writer_.Uint64(value);
  }
  void add(std::string_view key, double value) {
    write_key(key);
    writer_.Double(value);
  }
  void add(std::string_view key, const std::optional<double>& value) {
    if (value) add(key, *value);
  }
  void add_flag(std::string_view key, bool value) {
    write_key(key);
    writer_.Bool(value);
  }
  void add_text(std::string_view key, std::string_view value) {
    write_key(key);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void add_times(std::string_view key, const Histogram& histogram) {
    if (histogram.count() == 0) return;
    const auto ms = [](Nanoseconds ns) { return to_seconds(ns) * 1e3; };
    open(key);
    add("count", histogram.count());
    add("mean", histogram.mean() / 1e6);
    add("p50", ms(histogram.quantile(0.5)));
    add("p90", ms(histogram.quantile(0.9)));
    add("p99", ms(histogram.quantile(0.99)));
    add("p999", ms(histogram.quantile(0.999)));
    add("max", ms(histogram.max()));
    close();
  }
  std::string take() { return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n"; }

 private:
  void write_key(std::string_view key) {
    if (!key.empty()) writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer_;
};

void add_streams(Json& json, const Report& report) {
  const StreamFates& fates = report.run.tally().fates;
  json.open("streams");
  json.add("requested", std::uint64_t{report.options.streams.connections});
  json.add("opened", fates.opened);
  json.add("failed", fates.failed);
  json.add("finished", fates.finished);
  json.add("dropped", fates.dropped);
  json.add("reconnects", fates.reconnects);
  json.add("stuck", std::uint64_t{report.run.streams().stuck()});
  json.add("stuckEnded", fates.stuck_ended);
  json.add("openAtEnd", std::uint64_t{report.run.streams().open()});
  json.add("openingSeconds", to_seconds(report.run.costs().opening_ns));
  json.add("openedPerSecond", report.opened_per_second);
  json.add_times("openingMs", report.run.tally().opening);
  json.open("reasons");
  for (const auto& [reason, count] : fates.reasons) json.add(reason, count);
  json.close();
  json.close();
}

void add_events(Json& json, const Report& report) {
  const Tally& tally = report.run.tally();
  json.open("events");
  json.add("total", tally.events);
  json.add("measured", report.measured_events);
  json.add("measuredSeconds", report.measured_s);
  json.add("perSecond", report.events_per_second);
  json.add("perRead", report.events_per_read);
  json.add("bytes", tally.bytes);
  json.add("comments", report.run.streams().sse_counts().comments);
  json.add("unknownFields", report.run.streams().sse_counts().unknown_fields);
  json.add("idsNotComparable", tally.ids_not_comparable);
  json.add("idPrefixChanges", tally.id_prefix_changes);
  json.add("withoutSeq", tally.without_seq);
  json.add("withoutTime", tally.without_time);
  json.open("byName");
  for (const EventKind& kind : tally.kinds.all())
    json.add(kind.name.empty() ? "message" : kind.name, kind.count);
  json.close();
  json.add_times("latencyMs", tally.latency);
  json.close();
}

void add_checks(Json& json, const Report& report) {
  const EventFaults& faults = report.run.tally().faults;
  json.open("checks");
  json.add_flag("ok", report.is_ok);
  json.add("gaps", faults.gaps);
  json.add("missing", faults.missing);
  json.add("duplicates", faults.duplicates);
  json.add("reordered", faults.reordered);
  json.add("idDuplicates", faults.id_duplicates);
  json.add("idReordered", faults.id_reordered);
  json.add("cutEvents", faults.cut);
  json.add("forbidden", faults.forbidden);
  json.add("shortStreams", faults.short_streams);
  json.add("shortEvents", faults.short_events);
  json.add("surplusEvents", faults.surplus_events);
  json.open_list("failures");
  for (const std::string& failure : report.failures) json.add_text({}, failure);
  json.close_list();
  json.open_list("notes");
  for (const std::string& note : report.run.tally().notes()) json.add_text({}, note);
  json.close_list();
  json.close();
}

void add_publishing(Json& json, const Report& report) {
  if (!report.options.publish.is_on) return;
  const Publisher& publisher = report.run.publisher();
  const PublishTally& tally = publisher.tally();
  json.open("publish");
  json.add("issued", tally.issued);
  json.add("accepted", tally.answered);
  json.add("refused", tally.refused);
  json.add("lost", publisher.lost());
  json.add("requests", tally.requests);
  json.add("perSecond", report.published_per_second);
  json.add("connections", std::uint64_t{report.options.publish.connections});
  json.add("connectionFailures", publisher.failures());
  json.add("windowStalls", tally.window_stalls);
  json.open("statuses");
  for (const auto& [status, count] : tally.statuses) json.add(std::to_string(status), count);
  json.close();
  if (!tally.first_refusal.empty()) json.add_text("firstRefusal", tally.first_refusal);
  json.add_times("answerMs", tally.answer_time);
  json.add_times("behindScheduleMs", tally.lag);
  json.close();
}

void add_mark(Json& json, std::string_view key, const CostMark& mark) {
  if (!mark.server) return;
  json.open(key);
  json.add("streams", mark.streams);
  json.add("pssBytes", mark.server->pss_bytes);
  json.add("rssBytes", mark.server->rss_bytes);
  json.add("cpuSeconds", to_seconds(mark.server->cpu.cpu_ns));
  json.add("machineKernelBytes", mark.kernel.bytes);
  json.add("machineSlabBytes", mark.kernel.slab_bytes);
  json.close();
}

void add_server(Json& json, const Report& report) {
  if (report.options.pids.empty()) return;
  const RunCosts& costs = report.run.costs();
  json.open("server");
  add_mark(json, "before", costs.before);
  json.open_list("marks");
  for (const CostMark& mark : costs.memory_marks) add_mark(json, {}, mark);
  json.close_list();
  add_mark(json, "measuredFrom", costs.measured_from);
  add_mark(json, "end", costs.end);
  json.add("pssBytesPerStream", report.pss_per_stream);
  json.add("rssBytesPerStream", report.rss_per_stream);
  json.add("machineKernelBytesPerStream", report.kernel_per_stream);
  json.add("machineSlabBytesPerStream", report.slab_per_stream);
  json.add("cpuMicrosecondsPerOpen", report.server_us_per_open);
  json.add("cpuMicrosecondsPerEvent", report.server_us_per_event);
  json.add("coreShare", report.server_share_measured);
  json.close();
}

}  // namespace

std::string to_json(const Report& report) {
  Json json;
  json.open();
  json.add_text("tool", "sseload");
  json.add_text("host", report.options.streams.url.host);
  json.add_text("path", report.options.streams.url.path);
  add_streams(json, report);
  add_events(json, report);
  add_checks(json, report);
  add_publishing(json, report);
  add_server(json, report);
  json.open("self");
  json.add("coreShareOpening", report.own_share_opening);
  json.add("coreShareMeasured", report.own_share_measured);
  json.add("coreDemandMeasured", report.own_demand_measured);
  json.add_flag("wasBottleneckOpening", report.was_bottleneck_opening);
  json.add_flag("wasBottleneck", report.was_bottleneck);
  json.close();
  json.close();
  return json.take();
}

}  // namespace sseload
