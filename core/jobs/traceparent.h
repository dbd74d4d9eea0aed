// The trace that a job belongs to: a request's `traceparent`, which whoever follows the job is
// told, so that what it does about the job joins the same trace.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace progressd {

/// A `traceparent` field as it is kept: `00-<trace>-<parent>-<flags>`. One of a later version is
/// brought to that form. None for what is malformed: then there is no trace.
/// Source: W3C Trace Context, level 2, sections 3.2 and 3.4.
std::optional<std::string> parse_traceparent(std::string_view field);

}  // namespace progressd
