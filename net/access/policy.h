// Who may do what: one question each, asked before anything is done.
#pragma once

#include <string_view>

#include "core/jobs/job.h"
#include "net/access/caller.h"

namespace progressd {

/// Reads it, or follows it: its owner; who reports, where the job is external.
bool may_see(const Caller& caller, const Job& job);
/// Reports on it. Whether such a job takes reports at all is the job table's matter.
bool may_report(const Caller& caller, const Job& job);
/// Reports on anything at all: what `POST /v1/reports` as a whole needs.
bool may_report(const Caller& caller);
/// Cancels or deletes it.
bool may_change(const Caller& caller, const Job& job);
bool may_create_for(const Caller& caller, std::string_view owner);
/// Names `owner` as a filter, of a list or of a stream.
bool may_list_owner(const Caller& caller, std::string_view owner);
/// Reads or deletes the progress channel of `user`.
bool may_follow_channel(const Caller& caller, std::string_view user);
bool may_post_to_channel(const Caller& caller);
/// Sees everybody: statistics, metrics, who is listening, streams of all jobs.
bool may_operate(const Caller& caller);

}  // namespace progressd
