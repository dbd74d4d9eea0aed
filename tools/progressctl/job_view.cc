#include "tools/progressctl/job_view.h"

#include <fmt/format.h>

#include <charconv>

#include "tools/progressctl/exit_status.h"

namespace progressd::ctl {
namespace {

constexpr std::size_t kNumberBytesMax = 64;

Result<void> take(JsonValue& value, std::string_view field, std::string& to) {
  return value.string(field, kResultBytesMax).map([&](std::string_view text) { to = text; });
}

Result<void> take(JsonValue& value, std::string_view field, std::int64_t& to) {
  return value.integer(field, 0, INT64_MAX).map([&](std::int64_t number) { to = number; });
}

Result<void> take_field(JobView& job, std::string_view name, JsonValue& value) {
  if (name == "id") return take(value, name, job.id);
  if (name == "kind") return take(value, name, job.kind);
  if (name == "owner") return take(value, name, job.owner);
  if (name == "runner") return take(value, name, job.runner);
  if (name == "createdAt") return take(value, name, job.created_at);
  if (name == "done") return take(value, name, job.done);
  if (name == "total") return take(value, name, job.total);
  if (name == "message") return take(value, name, job.message);
  if (name == "failedReason") return take(value, name, job.failed_reason);
  if (name == "etaSeconds") return take(value, name, job.eta_seconds.emplace());
  if (name == "ratePerSecond") job.rate_per_second = number_of(value, name);
  if (name == "state") {
    std::string text;
    if (Result<void> read = take(value, name, text); !read) return read;
    const std::optional<State> state = state_of_name(text);
    if (!state) return fail(Errc::kInvalid, fmt::format("state: '{}' is none", text));
    job.state = *state;
  }
  return {};
}

}  // namespace

std::optional<double> number_of(JsonValue& value, std::string_view field) {
  const Result<std::string> text = value.json(field, kNumberBytesMax);
  double number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return number;
}

Result<void> update(JobView& job, JsonReader& reader, std::string_view json) {
  // null is handed to no visitor, so what is null now must not stay.
  job.rate_per_second.reset();
  job.eta_seconds.reset();
  job.message.clear();
  return reader.read_copied_object(
      json, [&](std::string_view name, JsonValue& value) { return take_field(job, name, value); });
}

int exit_status_of(State state) {
  switch (state) {
    case State::kFailed:
      return kExitFailed;
    case State::kCancelled:
      return kExitCancelled;
    default:
      return kExitOk;
  }
}

}  // namespace progressd::ctl
