// What several handlers ask of a request before they look at it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/text.h"
#include "core/stream/event_id.h"
#include "net/access/policy.h"
#include "net/http/request.h"
#include "net/http/responder.h"

namespace progressd {

std::string no_such_job(std::string_view id);

/// An id that can't be guessed.
std::string make_job_id(Random& random);

/// What else than ownership somebody lacks, as the answer says it.
inline constexpr std::string_view kNotYours = "this is not yours";
inline constexpr std::string_view kWantsReportScope = "this takes the scope jobs:report";
inline constexpr std::string_view kWantsAdminScope = "this takes the scope jobs:admin";

/// Answers 403, and says true, when the caller may not.
bool refused(bool may, const Responder& responder, std::string_view why = kNotYours);

/// Whether If-Match and If-None-Match let a request change what has this tag.
bool preconditions_hold(const Request& request, const std::string& tag);

/// What If-Match names of a job's events, for Change::if_match. None without it, or with `*`.
std::optional<std::vector<Sequence>> expected_events(const Request& request, const EventIds& ids);

/// The trace that the request belongs to, as a job keeps it; null where it says none.
Text traceparent_of(const Request& request);

/// Errors: kMalformed for an empty body, kUnsupportedType for one of another media type.
Result<void> check_body(const Request& request, std::string_view media_type);

/// Whether the Accept header, if there is one, takes `type/subtype`.
bool accepts(const Request& request, std::string_view type, std::string_view subtype);

/// An entity tag list against a job's tag.
struct TagList {
  bool any = false;               // `*`
  std::vector<std::string> tags;  // without quotes

  bool matches(const std::string& tag) const;
};
/// None when the header was not sent. `weak`: tags marked `W/` count too, as If-None-Match wants.
std::optional<TagList> tag_list(const Request& request, std::string_view header, bool weak);

/// The value of a filter in the query; none when it was not given.
/// Errors: kInvalid when it is empty or no UTF-8.
Result<std::optional<std::string>> filter(const Request& request, std::string_view name);

/// A place in a list, opaque to clients: it is good only with the filters it was made with.
std::string make_cursor(Sequence after, std::string_view filters);
/// Errors: kInvalid, for what make_cursor() did not make with these filters.
Result<Sequence> read_cursor(std::string_view cursor, std::string_view filters);

}  // namespace progressd
