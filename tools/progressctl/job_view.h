// A job as its events tell of it: what a bar and a list show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/json_read.h"
#include "core/base/result.h"
#include "core/jobs/job.h"

namespace progressd::ctl {

/// An id that the server made: that many columns show it whole.
inline constexpr std::size_t kMadeIdColumns = 26;

/// Texts are a server's, and pass printable() before a terminal sees them.
struct JobView {
  std::string id;
  std::string kind;
  std::string owner;
  std::string runner;
  std::string created_at;
  State state = State::kPending;
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string message;
  std::string failed_reason;
  std::optional<double> rate_per_second;
  std::optional<std::int64_t> eta_seconds;

  double share() const {
    return total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0;
  }
};

/// Takes over what the JSON of a job or of one of its events says.
/// Errors: kMalformed, kInvalid.
Result<void> update(JobView& job, JsonReader& reader, std::string_view json);

/// The exit status of whoever waited for a job that ended like this.
int exit_status_of(State state);

/// A number of the type that JSON has; none where the value is no number.
std::optional<double> number_of(JsonValue& value, std::string_view field);

}  // namespace progressd::ctl
