// Every reader of JSON bodies, over the same bytes. Holds: what one reader takes for JSON the
// others do too; what was read and written again reads the same; nothing is beyond its bound.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/ensure.h"
#include "core/base/json_object.h"
#include "core/base/json_read.h"
#include "core/base/json_write.h"
#include "core/base/utf8.h"
#include "core/channels/channel_table.h"
#include "core/jobs/job_input.h"
#include "tests/fuzz/support/padded.h"

namespace progressd::fuzz {
namespace {

constexpr std::size_t kValueBytesMax = 300;  // small, so that short inputs reach it

/// Whether the reader takes the text for an object, whatever is in it.
Result<void> read_any(JsonReader& reader, std::string_view text) {
  return reader.read_object(text, [](std::string_view key, JsonValue&) -> Result<void> {
    ENSURE(is_utf8(key));
    return {};
  });
}

/// The same, with each value taken out.
Result<void> read_values(JsonReader& reader, std::string_view text) {
  return reader.read_object(text, [](std::string_view key, JsonValue& value) -> Result<void> {
    return value.json(key, kValueBytesMax).map([](const std::string& json) {
      ENSURE(json.size() <= kValueBytesMax && json.find('\n') == std::string::npos);
      ENSURE(minified_json(json) == json);
    });
  });
}

/// What is minified stays as it is, and means the same.
void check_forms(std::string_view text) {
  const Result<std::string> minified = minified_json(text);
  const Result<std::string> canonical = canonical_json(text);
  if (minified) {
    const Result<std::string> again = minified_json(*minified);
    ENSURE(again.has_value() && *again == *minified);
  }
  if (!canonical) return;
  ENSURE(minified.has_value());
  const Result<std::string> of_minified = canonical_json(*minified);
  ENSURE(of_minified.has_value() && *of_minified == *canonical);
}

void check_channel_value(JsonObjectReader& objects, JsonReader& reader, const Padded& text) {
  const Result<JsonObject> object = objects.read(text.view(), "status", kChannelValueBytesMax);
  const Result<void> any = read_any(reader, text.view());
  if (!object) {
    // Only a depth or a number that can't be passed on is refused by this one alone.
    if (any) ENSURE(object.error().code == Errc::kInvalid);
    return;
  }
  // `0e309` is zero, but RapidJSON looks at the exponent alone, and calls it too large.
  ENSURE(any.has_value() || any.error().code == Errc::kInvalid);
  ENSURE(object->text.size() <= text.view().size());
  const std::string passed_on(object->text);
  const std::string status = object->field;
  const Padded copy(passed_on);
  const Result<JsonObject> again = objects.read(copy.view(), "status", kChannelValueBytesMax);
  ENSURE(again.has_value() && again->text == passed_on && again->field == status);
  const Result<std::string> before = canonical_json(text.view());
  const Result<std::string> after = canonical_json(passed_on);
  ENSURE(before.has_value() == after.has_value());
  if (before) ENSURE(*before == *after);
}

void check_report(const Report& report) {
  ENSURE(!report.state || *report.state != State::kCancelled);
  ENSURE(!report.done || (*report.done >= 0 && *report.done <= kTotalMax));
  ENSURE(!report.total || (*report.total >= 1 && *report.total <= kTotalMax));
  for (const Text* text : {&report.message, &report.failed_reason}) {
    ENSURE(text->view().size() <= kMessageBytesMax && is_utf8(text->view()));
  }
  ENSURE(report.result.view().size() <= kResultBytesMax);
}

void write_text(JsonWriter& out, std::string_view name, const Text& value) {
  if (!value.is_null()) out.field(name, value.view());
}

/// The report as a client would send it.
std::string written(const Report& report) {
  JsonWriter out;
  out.begin_object();
  if (report.state) out.field("state", state_name(*report.state));
  if (report.done) out.field("done", *report.done);
  if (report.total) out.field("total", *report.total);
  write_text(out, "message", report.message);
  write_text(out, "failedReason", report.failed_reason);
  if (!report.result.is_null()) {
    out.key("result");
    out.raw(report.result.view());
  }
  out.end_object();
  return std::string(out.view());
}

void check_round_trip(JsonReader& reader, const Report& report) {
  const Padded text(written(report));
  const Result<Report> again = read_report(reader, text.view());
  ENSURE(again.has_value());
  ENSURE(again->state == report.state && again->done == report.done);
  ENSURE(again->total == report.total && again->message == report.message);
  ENSURE(again->failed_reason == report.failed_reason && again->result == report.result);
}

void check_spec(const JobSpec& spec) {
  ENSURE(spec.id.empty() || is_job_id(spec.id));
  ENSURE(spec.total >= 1 && spec.total <= kTotalMax);
  ENSURE(spec.fail_at >= 0 && spec.fail_at <= spec.total);
  ENSURE(spec.step_ms >= 1 && spec.step_work_ms >= 1 && spec.repeat >= 0);
  ENSURE(spec.kind.view().size() <= kKindBytesMax && spec.owner.size() <= kOwnerBytesMax);
  ENSURE(is_utf8(spec.kind.view()) && is_utf8(spec.owner) && is_utf8(spec.message.view()));
}

void run(std::string_view bytes) {
  static JsonReader reader;
  static JsonObjectReader objects;
  const Padded text(bytes);
  const bool is_object = read_any(reader, text.view()).has_value();
  if (read_values(reader, text.view())) ENSURE(is_object);
  check_forms(text.view());
  check_channel_value(objects, reader, text);
  const Result<Report> report = read_report(reader, text.view());
  const Result<ReportLine> line = read_report_line(reader, text.view());
  const Result<JobSpec> spec = read_creation(reader, text.view());
  ENSURE(is_object || (!report && !line && !spec));
  if (report) {
    check_report(*report);
    check_round_trip(reader, *report);
  }
  if (line) {
    ENSURE(is_job_id(line->job_id) && report.has_value());
    check_report(line->report);
  }
  if (spec) check_spec(*spec);
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  progressd::fuzz::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
