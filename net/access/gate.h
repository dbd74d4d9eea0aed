// The gate: what every request passes before a handler sees it.
//
//   turned_away()   whoever asks: a Host that is none of ours, a preflight, a forged request
//   identify()      who asks: on routes that are not open to everybody
//   refuse_read()   how often they ask
//   admit_stream()  as a stream begins: its ticket is used up
//
// With auth off nobody has to say who they are, and everybody may do everything.
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "net/access/browser_rules.h"
#include "net/access/caller.h"
#include "net/access/cors.h"
#include "net/access/credentials.h"
#include "net/access/jwt.h"
#include "net/access/rate_limit.h"
#include "net/access/settings.h"
#include "net/access/tickets.h"
#include "net/http/request.h"
#include "net/http/response.h"

namespace progressd {

/// Where a stream's ticket is: in the query, since an EventSource can't send headers.
inline constexpr std::string_view kTicketParameter = "ticket";
/// How far a client has come that can't send `Last-Event-ID`.
inline constexpr std::string_view kLastEventIdParameter = "lastEventId";

class Gate {
 public:
  /// `on_loopback`: nobody reaches this server but over loopback.
  Gate(const AccessSettings& settings, bool on_loopback, const Clock& clock, Random& random);

  /// From here on. Whether auth is on, and whether this server is on loopback, stays as it was.
  /// What header_lines() gave before is no longer good.
  /// True when tokens that were good may be so no more: then tickets from before are void, and
  /// every stream should ask again, as after take_key_loss().
  bool use(const AccessSettings& settings);
  /// The keys in force, which may have been read again since they were set; none: auth is off.
  std::optional<KeySet> keys() const;

  /// The answer to a request that no handler should see; none for the others.
  std::optional<Response> turned_away(const Request& request) const;

  /// Sets the request's caller. The answer to a request whose caller can't be told; none when it
  /// can.
  /// `is_stream`: it asks for a stream, which a ticket admits to.
  std::optional<Response> identify(Request& request, bool is_stream);

  /// The answer to a caller who reads, or opens streams, faster than they may; none, and it counts,
  /// where they may.
  std::optional<Response> refuse_read(const Request& request);

  /// Uses up the ticket that the request came with, if it came with one. The answer where that
  /// can't be, as somebody else was quicker.
  std::optional<Response> admit_stream(const Request& request);

  /// A pass for one stream of the caller's.
  Result<Ticket> issue_ticket(const Caller& caller, const std::optional<std::string>& job,
                              std::int64_t ttl_seconds);

  /// To be called once a second. True once after a key was taken out of the set. Which tokens were
  /// signed with it is not remembered: every ticket is void, and every stream should ask again.
  bool take_key_loss();

  /// What a request's header fields were found to say holds for a round: until the next second,
  /// since keys are looked after once a second, or until the settings are others.
  std::uint64_t round();

  bool is_auth_on() const { return verifier_.has_value(); }
  /// Header lines that every answer to the request carries, a stream's too.
  std::string_view header_lines(const Request& request) const {
    return cors_.header_lines(request);
  }

 private:
  static Response unauthorized_or_problem(const Error& error);

  const Clock& clock_;
  Random& random_;
  Cors cors_;
  std::optional<HostRule> host_rule_;
  std::optional<TokenVerifier> verifier_;  // none: auth is off
  bool query_token_;
  std::string shared_secret_;  // that tickets are signed with; empty: one of this process
  Tickets tickets_;
  RateLimit reads_;  // by user
  std::uint64_t round_ = 0;
  std::int64_t round_at_ = 0;  // Unix seconds
};

}  // namespace progressd
