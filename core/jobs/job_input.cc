#include "core/jobs/job_input.h"

#include <fmt/format.h>

#include <algorithm>

namespace progressd {
namespace {

constexpr std::int64_t kStepMsMax = 86'400'000;
constexpr std::int64_t kStepWorkMsMax = 10'000;
constexpr std::int64_t kStallAfterMsMax = 30 * kStepMsMax;

// Each of these reads one field into its place, or says why not.

Result<void> read(JsonValue& value, std::string_view field, std::int64_t min, std::int64_t max,
                  std::int64_t& out) {
  return value.integer(field, min, max).map([&](std::int64_t number) { out = number; });
}

Result<void> read(JsonValue& value, std::string_view field, std::int64_t min, std::int64_t max,
                  std::optional<std::int64_t>& out) {
  return value.integer(field, min, max).map([&](std::int64_t number) { out = number; });
}

Result<void> read(JsonValue& value, std::string_view field, std::size_t bytes_max, Text& out) {
  return value.string(field, bytes_max).map([&](std::string_view text) { out = Text(text); });
}

Result<void> read_json(JsonValue& value, std::string_view field, Text& out) {
  return value.json(field, kResultBytesMax).map([&](const std::string& text) { out = Text(text); });
}

Result<void> read_id(JsonValue& value, std::string_view field, std::string& out) {
  const Result<std::string_view> text = value.string(field, SIZE_MAX);
  if (!text) return tl::unexpected(text.error());
  if (!is_job_id(*text)) {
    return fail(Errc::kInvalid,
                fmt::format("{}: must be 1 to {} of A-Z a-z 0-9 . _ ~ -, and not . or ..", field,
                            kIdBytesMax));
  }
  out = *text;
  return {};
}

Result<void> read_runner(JsonValue& value, Runner& out) {
  const Result<std::string_view> text = value.string("runner", SIZE_MAX);
  if (!text) return tl::unexpected(text.error());
  const std::optional<Runner> runner = runner_of_name(*text);
  if (!runner) return fail(Errc::kInvalid, "runner: must be cpu, timer or external");
  out = *runner;
  return {};
}

Result<void> read_owner(JsonValue& value, std::string& out) {
  const Result<std::string_view> text = value.string("owner", kOwnerBytesMax);
  if (!text) return tl::unexpected(text.error());
  if (text->empty()) return fail(Errc::kInvalid, "owner: must not be empty");
  if (*text == "me") return fail(Errc::kInvalid, "owner: `me` stands for the caller in filters");
  out = *text;
  return {};
}

Result<void> read_creation_field(std::string_view key, JsonValue& value, JobSpec& spec) {
  if (key == "id") return read_id(value, key, spec.id);
  if (key == "kind") return read(value, key, kKindBytesMax, spec.kind);
  if (key == "runner") return read_runner(value, spec.runner);
  if (key == "owner") return read_owner(value, spec.owner);
  if (key == "total") return read(value, key, 1, kTotalMax, spec.total);
  if (key == "stepMs") return read(value, key, 1, kStepMsMax, spec.step_ms);
  if (key == "stepWork") return read(value, key, 1, kStepWorkMsMax, spec.step_work_ms);
  if (key == "failAt") return read(value, key, 1, kTotalMax, spec.fail_at);
  if (key == "failedReason") return read(value, key, kMessageBytesMax, spec.failed_reason);
  if (key == "message") return read(value, key, kMessageBytesMax, spec.message);
  if (key == "result") return read_json(value, key, spec.result);
  if (key == "repeat") return read(value, key, 0, kTotalMax, spec.repeat);
  if (key == "stallAfterMs") return read(value, key, 1, kStallAfterMsMax, spec.stall_after_ms);
  return {};  // an unknown field is ignored
}

Result<void> read_state(JsonValue& value, std::optional<State>& out) {
  const Result<std::string_view> text = value.string("state", SIZE_MAX);
  if (!text) return tl::unexpected(text.error());
  out = state_of_name(*text);
  if (!out) return fail(Errc::kInvalid, "state: must be pending, active, completed or failed");
  if (*out == State::kCancelled) {
    return fail(Errc::kInvalid, "state: a job is cancelled with POST /v1/jobs/{id}/cancel");
  }
  return {};
}

Result<void> read_report_field(std::string_view key, JsonValue& value, Report& report) {
  if (key == "state") return read_state(value, report.state);
  if (key == "done") return read(value, key, 0, kTotalMax, report.done);
  if (key == "total") return read(value, key, 1, kTotalMax, report.total);
  if (key == "message") return read(value, key, kMessageBytesMax, report.message);
  if (key == "result") return read_json(value, key, report.result);
  if (key == "failedReason") return read(value, key, kMessageBytesMax, report.failed_reason);
  return {};
}

Result<void> check(const JobSpec& spec) {
  if (spec.fail_at > spec.total) {
    return fail(Errc::kInvalid, fmt::format("failAt: must be at most total, {}", spec.total));
  }
  if (spec.fail_at != 0 && spec.runner == Runner::kExternal) {
    return fail(Errc::kInvalid, "failAt: only for a job that the server runs");
  }
  if (spec.stall_after_ms != 0 && spec.runner != Runner::kExternal) {
    return fail(Errc::kInvalid, "stallAfterMs: only for a job with runner external");
  }
  return {};
}

Result<void> check(const Report& report) {
  if (!report.failed_reason.is_null() && report.state != State::kFailed) {
    return fail(Errc::kInvalid, "failedReason: only together with state failed");
  }
  return {};
}

}  // namespace

bool is_job_id(std::string_view id) {
  if (id.empty() || id.size() > kIdBytesMax || id == "." || id == "..") return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
  });
}

Result<JobSpec> read_creation(JsonReader& reader, std::string_view text) {
  JobSpec spec;
  return reader
      .read_object(text, [&](std::string_view key,
                             JsonValue& value) { return read_creation_field(key, value, spec); })
      .and_then([&] { return check(spec); })
      .map([&] { return std::move(spec); });
}

Result<Report> read_report(JsonReader& reader, std::string_view text) {
  Report report;
  return reader
      .read_object(text, [&](std::string_view key,
                             JsonValue& value) { return read_report_field(key, value, report); })
      .and_then([&] { return check(report); })
      .map([&] { return std::move(report); });
}

Result<ReportLine> read_report_line(JsonReader& reader, std::string_view text) {
  ReportLine line;
  return reader
      .read_object(text,
                   [&](std::string_view key, JsonValue& value) {
                     return key == "job" ? read_id(value, key, line.job_id)
                                         : read_report_field(key, value, line.report);
                   })
      .and_then([&]() -> Result<void> {
        if (line.job_id.empty()) return fail(Errc::kInvalid, "job: is missing");
        return check(line.report);
      })
      .map([&] { return std::move(line); });
}

}  // namespace progressd
