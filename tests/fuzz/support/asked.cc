#include "tests/fuzz/support/asked.h"

#include <array>

#include "core/base/ensure.h"

namespace progressd::fuzz {
namespace {

using Stage = RequestParser::Stage;

/// Those that make a difference to somebody behind the parser.
constexpr std::array<std::string_view, 12> kFields{
    "Accept",         "Accept-Encoding",   "Authorization", "Connection",
    "Content-Length", "Content-Type",      "Cookie",        "Host",
    "Last-Event-ID",  "Transfer-Encoding", "If-Match",      "traceparent"};

/// What both parsers made of the same bytes.
void expect_same(RequestParser& one, RequestParser& other) {
  ENSURE(one.stage() == other.stage());
  if (one.stage() == Stage::kIdle || one.stage() == Stage::kHead) return;
  ENSURE(one.is_head() == other.is_head());
  if (one.stage() == Stage::kFailed) {
    ENSURE(one.error_status() == other.error_status());
    ENSURE(one.error_detail() == other.error_detail());
    return;
  }
  ENSURE(one.take_continue() == other.take_continue());
  const Request& request = one.request();
  const Request& same = other.request();
  ENSURE(request.method == same.method && request.minor_version == same.minor_version);
  ENSURE(request.target == same.target && request.host() == same.host());
  ENSURE(request.query_parameters() == same.query_parameters());
  ENSURE(request.header_count() == same.header_count());
  for (const std::string_view name : kFields) {
    ENSURE(request.header_list(name) == same.header_list(name));
  }
  ENSURE(request.body == same.body);
  if (one.stage() == Stage::kComplete) ENSURE(request.keep_alive == same.keep_alive);
}

}  // namespace

std::vector<Asked> read_requests(std::string_view bytes, const HttpLimits& limits) {
  std::vector<Asked> requests;
  RequestParser parser(limits);
  while (!bytes.empty()) {
    const std::string_view taken = bytes.substr(0, parser.feed(bytes));
    RequestParser fresh(limits);
    ENSURE(fresh.feed(bytes) == taken.size());
    expect_same(parser, fresh);
    bytes.remove_prefix(taken.size());
    const Stage stage = parser.stage();
    if (stage == Stage::kIdle || stage == Stage::kHead) break;
    const bool takes_gzip = parser.request().header("Accept-Encoding").has_value();
    requests.push_back({taken, parser.is_head(), takes_gzip, stage == Stage::kFailed,
                        stage == Stage::kComplete || stage == Stage::kFailed});
    // What follows the last request is nobody's.
    if (stage != Stage::kComplete || !parser.request().keep_alive) break;
    parser.next();
  }
  return requests;
}

}  // namespace progressd::fuzz
