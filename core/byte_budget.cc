#include "core/byte_budget.h"

#include <fmt/format.h>

#include <algorithm>

namespace progressd {

std::optional<Error> ByteBudget::refusal() const {
  if (!is_full()) return std::nullopt;
  return Error{Errc::kOverloaded,
               fmt::format("all jobs and channels take {} bytes, --max-job-bytes allows no more",
                           ledger_.held_bytes())};
}

std::optional<Error> ByteBudget::refusal(std::string_view job_id, const Report& report) const {
  if (!is_full()) return std::nullopt;
  const Job* const job = jobs_.find(job_id);
  if (job == nullptr || is_terminal(job->state)) return std::nullopt;  // the table says so
  const bool ends = report.state && is_terminal(*report.state);
  const std::size_t result_bytes_max =
      std::max(job->result.view().size(), ends ? kEndResultBytesMax : 0);
  // Each message that is not the one before is kept in the history.
  const bool adds_message = !ends && !report.message.is_null() && !(report.message == job->message);
  if (!adds_message && report.result.view().size() <= result_bytes_max) return std::nullopt;
  return refusal();
}

}  // namespace progressd
