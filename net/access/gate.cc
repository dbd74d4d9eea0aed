#include "net/access/gate.h"

#include <utility>

namespace progressd {
namespace {

std::int64_t unix_seconds(const Clock& clock) { return clock.wall_at() / 1'000; }

TicketUse use_of(const Request& request) {
  // An empty id says nothing.
  const bool has_seen = !request.header("Last-Event-ID").value_or("").empty() ||
                        !request.query("lastEventId").value_or("").empty();
  return {request.stream_job, has_seen};
}

std::string_view shared_secret(const AccessSettings& settings) {
  return settings.keys ? settings.keys->secret() : std::string_view();
}

}  // namespace

Gate::Gate(const AccessSettings& settings, bool on_loopback, const Clock& clock, Random& random)
    : clock_(clock),
      cors_(settings.cors_origins),
      query_token_(!settings.query_token_ignored),
      tickets_(ticket_secret(shared_secret(settings), random), random) {
  if (settings.keys) {
    verifier_.emplace(*settings.keys, settings.token_rules);
  } else if (on_loopback) {
    host_rule_.emplace(settings.allowed_hosts);
  }
}

std::optional<Response> Gate::turned_away(const Request& request) const {
  if (host_rule_ && !host_rule_->admits(request)) {
    return problem(421, "Host: is none that this server goes by; --allow-host adds names");
  }
  if (std::optional<Response> preflight = cors_.preflight(request)) return preflight;
  if (is_forged(request, cors_)) {
    return problem(403, "this comes from a page of another origin, which may not do that");
  }
  return std::nullopt;
}

std::optional<Response> Gate::identify(Request& request, bool is_stream) {
  if (!verifier_) return std::nullopt;  // it is anybody's as it is
  const std::optional<std::string_view> ticket = request.query(kTicketParameter);
  if (ticket && is_stream) {
    const Result<Grant> grant = tickets_.check(*ticket, use_of(request), clock_.now());
    if (!grant) return unauthorized_or_problem(grant.error());
    request.caller = grant->caller;
    request.by_ticket = true;
    return std::nullopt;
  }
  const Credentials credentials = credentials_of(request, query_token_);
  if (!credentials.token && !credentials.token_sent && ticket) {
    return unauthorized(
        Error{Errc::kUnauthorized, "ticket: is for a stream, and this path is none; send a token"},
        /*token_sent=*/false);
  }
  if (!credentials.token) {
    return unauthorized(credentials.token.error(), credentials.token_sent);
  }
  Result<Caller> caller = verifier_->verify(*credentials.token, unix_seconds(clock_));
  if (!caller) return unauthorized(caller.error(), /*token_sent=*/true);
  request.caller = std::move(*caller);
  return std::nullopt;
}

std::optional<Response> Gate::admit_stream(const Request& request) {
  if (!request.by_ticket) return std::nullopt;
  const Result<Grant> grant =
      tickets_.redeem(*request.query(kTicketParameter), use_of(request), clock_.now());
  if (!grant) return unauthorized_or_problem(grant.error());
  return std::nullopt;
}

Result<Ticket> Gate::issue_ticket(const Caller& caller, const std::optional<std::string>& job,
                                  std::int64_t ttl_seconds) {
  return tickets_.issue(caller, job, ttl_seconds, clock_.now());
}

Response Gate::unauthorized_or_problem(const Error& error) {
  return error.code == Errc::kUnauthorized ? unauthorized(error, /*token_sent=*/true)
                                           : problem(error);
}

}  // namespace progressd
