// One bound over what all jobs and channels of all users take: each of them is bounded, and yet
// many of them together would fill any machine. Beyond it nothing is taken that would make it more.
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/base/result.h"
#include "core/jobs/change.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"

namespace progressd {

class ByteBudget {
 public:
  /// The end of a job is taken with a result of this size, however full it is.
  static constexpr std::size_t kEndResultBytesMax = 4096;

  /// `bytes_max`: 0: no bound. What is on its way to a journal is not counted: that has its own.
  ByteBudget(const Ledger& ledger, const JobTable& jobs, std::size_t bytes_max)
      : ledger_(ledger), jobs_(jobs), bytes_max_(bytes_max) {}

  /// From here on. What is there already stays.
  void use_bytes_max(std::size_t bytes_max) { bytes_max_ = bytes_max; }

  bool is_full() const { return bytes_max_ != 0 && ledger_.held_bytes() >= bytes_max_; }
  /// kOverloaded when there is no room for another job, or another object of a channel.
  std::optional<Error> refusal() const;
  /// kOverloaded when there is no room for what this report adds. Steps always find some, and so
  /// does an end, but for a large result.
  std::optional<Error> refusal(std::string_view job_id, const Report& report) const;

 private:
  const Ledger& ledger_;
  const JobTable& jobs_;
  std::size_t bytes_max_;
};

}  // namespace progressd
