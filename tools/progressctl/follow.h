// Follows a stream until what it is waited for has happened: bars on a terminal, JSON lines in a
// pipe. `run` and `watch` are this, with different beginnings.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "core/base/result.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/settings.h"
#include "tools/progressctl/signals.h"

namespace progressd::ctl {

struct FollowPlan {
  std::string target;            // of the stream
  std::set<std::string> wanted;  // ends when these jobs are over; empty: by a signal only
  /// What a signal that asks to end does instead of ending; false: it ends it.
  std::function<bool()> on_interrupt = [] { return false; };
};

/// The exit status: what came of the jobs, or the signal's.
/// Errors: kUnavailable, when the server refuses the stream.
Result<int> follow(Transfers& transfers, const Settings& settings, Signals& signals,
                   const FollowPlan& plan);

}  // namespace progressd::ctl
