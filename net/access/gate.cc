#include "net/access/gate.h"

#include <fmt/format.h>

#include <utility>

namespace progressd {
namespace {

std::int64_t unix_seconds(const Clock& clock) { return clock.wall_at() / 1'000; }

/// What an EventSource asks for again as it reconnects, without how far it has come.
std::string stream_of(const Request& request) {
  std::string stream(request.path);
  for (const auto& [name, value] : request.query_parameters()) {
    if (name == kTicketParameter || name == kLastEventIdParameter) continue;
    // With their sizes, as both may hold any bytes.
    stream += fmt::format("?{}={}:{}{}", name.size(), value.size(), name, value);
  }
  return stream;
}

TicketUse use_of(const Request& request) {
  // An empty id says nothing.
  const bool has_seen = !request.header("Last-Event-ID").value_or("").empty() ||
                        !request.query(kLastEventIdParameter).value_or("").empty();
  return {request.stream_job, has_seen, stream_of(request)};
}

std::string_view shared_secret(const AccessSettings& settings) {
  if (settings.ticket_secret) return settings.ticket_secret->secret();
  return settings.keys ? settings.keys->secret() : std::string_view();
}

}  // namespace

Gate::Gate(const AccessSettings& settings, bool on_loopback, const Clock& clock, Random& random)
    : clock_(clock),
      random_(random),
      cors_(settings.cors_origins),
      query_token_(!settings.query_token_ignored),
      shared_secret_(shared_secret(settings)),
      tickets_(ticket_secret(shared_secret_, random), random),
      reads_(settings.reads_per_second_max) {
  if (settings.keys) {
    verifier_.emplace(*settings.keys, settings.token_rules);
  } else if (on_loopback) {
    host_rule_.emplace(settings.allowed_hosts);
  }
}

bool Gate::use(const AccessSettings& settings) {
  cors_ = Cors(settings.cors_origins);
  query_token_ = !settings.query_token_ignored;
  reads_.use_rate(settings.reads_per_second_max);
  if (host_rule_) host_rule_.emplace(settings.allowed_hosts);
  if (!verifier_) return false;
  const bool lost = verifier_->use(*settings.keys, settings.token_rules);
  ++round_;
  if (shared_secret_ != shared_secret(settings)) {  // that alone voids them
    shared_secret_ = shared_secret(settings);
    tickets_.use_secret(ticket_secret(shared_secret_, random_));
  } else if (lost) {
    tickets_.void_all(clock_.now());
  }
  return lost;
}

std::optional<KeySet> Gate::keys() const {
  if (!verifier_) return std::nullopt;
  return verifier_->keys();
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
  // Of before the token is looked at: what is found then is not held for longer than this round.
  const std::uint64_t round = this->round();
  std::optional<KnownCaller>& known = request.known_caller;
  if (known && known->round == round) {
    request.caller = known->caller;
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
  // With a query the token may be of that.
  if (request.query_parameters().empty()) known = {request.caller, round};
  return std::nullopt;
}

std::optional<Response> Gate::refuse_read(const Request& request) {
  if (!request.caller.authenticated || !request.is_read()) return std::nullopt;
  const int wait_seconds = reads_.take(request.caller.user, clock_.steady_at());
  if (wait_seconds == 0) return std::nullopt;
  return problem(429, "this user reads faster than --read-rate allows", wait_seconds);
}

std::uint64_t Gate::round() {
  if (!verifier_) return round_;  // nobody is asked who they are
  const std::int64_t now = unix_seconds(clock_);
  if (now != round_at_) ++round_;
  round_at_ = now;
  return round_;
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

bool Gate::take_key_loss() {
  tickets_.look_after(clock_.now());
  if (!verifier_ || !verifier_->take_loss(unix_seconds(clock_))) return false;
  tickets_.void_all(clock_.now());
  return true;
}

Response Gate::unauthorized_or_problem(const Error& error) {
  return error.code == Errc::kUnauthorized ? unauthorized(error, /*token_sent=*/true)
                                           : problem(error);
}

}  // namespace progressd
