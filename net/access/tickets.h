// Passes for one stream each, for an EventSource, which can't send headers. They stand in URLs, so
// they live for seconds, and a used one is worth nothing to whoever finds it.
//
//   ticket   base64url of   version 1 | id 16 | expires 8 | caller's expiry 8 | rights 1
//                           | user's size 2 | user | job | HMAC-SHA256 32          (bytes)
//
// A ticket carries all that it grants, signed, so that every node with the same secret takes it.
// Only which ones are used up is known to one node alone. Until when they are good goes by the wall
// clock, which the nodes have in common; where it was set back by more than a ticket's life, those
// of before are refused, so that none is good for longer.
// Thread: the loop's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/result.h"
#include "net/access/caller.h"

namespace progressd {

inline constexpr std::int64_t kTicketSecondsMax = 60;
inline constexpr std::int64_t kTicketSecondsDefault = 30;
/// By so much the nodes' clocks may differ.
inline constexpr Millis kTicketLeewayMs = 30'000;
/// Tickets that are remembered as used, until they have expired.
struct UsedTicketsMax {
  std::size_t of_all = 100'000;
  std::size_t of_user = 10'000;
};

/// The secret that tickets are signed with. `shared`: what only the nodes of this server and its
/// issuer know, and never a public key; empty: then this process alone takes its tickets.
std::string ticket_secret(std::string_view shared, Random& random);

struct Ticket {
  std::string text;
  Millis expires_at;
};

/// The stream that somebody asks for with a ticket.
struct TicketUse {
  std::optional<std::string> job;  // none: a stream of many jobs
  bool is_reconnect = false;       // it carries Last-Event-ID
  std::string stream;              // tells it from the caller's other streams
};

/// What a ticket stands for. The caller's expiry is that of the token it was issued to.
struct Grant {
  Caller caller;
  std::optional<std::string> job;  // none: any stream of the caller's
};

class Tickets {
 public:
  Tickets(std::string secret, Random& random) : Tickets(std::move(secret), random, {}) {}
  Tickets(std::string secret, Random& random, const UsedTicketsMax& used_max);

  /// From here on; what was issued with another one is no longer taken.
  void use_secret(std::string secret) {
    secret_ = std::move(secret);
    aside_.clear();
  }
  /// To be called now and then: takes up the secret again that void_all() put aside, in its time.
  void look_after(Moment now);

  /// A ticket never outlives the caller's token. Errors: kInvalid, for a time out of its range.
  Result<Ticket> issue(const Caller& caller, const std::optional<std::string>& job,
                       std::int64_t ttl_seconds, Moment now);

  /// From here on none is good that was issued before. Until those have expired this process signs
  /// with a secret of its own, and takes no other node's.
  void void_all(Moment now);

  /// Who asks, and whether the stream may begin. Nothing is used up yet.
  /// Errors: kUnauthorized, for what was not issued here, is expired or used up; kForbidden, for
  /// another job's stream.
  Result<Grant> check(std::string_view ticket, const TicketUse& use, Moment now) const;

  /// The stream begins: from here on only its own reconnects are admitted.
  /// Errors: those of check(); kTooMany and kOverloaded, when so many are used, by the user or by
  /// all, that one more can't be remembered.
  Result<Grant> redeem(std::string_view ticket, const TicketUse& use, Moment now);

 private:
  using Id = std::array<char, 16>;
  struct Content {
    Id id{};
    Millis expires_at = 0;
    Grant grant;
  };
  /// What a ticket was used for, and whose it was.
  struct Used {
    Digest stream;
    std::string user;
  };
  void forget_expired(Millis steady_at);
  std::string signed_text(const Content& content) const;
  Result<Content> read(std::string_view ticket) const;
  Result<Content> admit(std::string_view ticket, const TicketUse& use, Moment now) const;

  std::string secret_;
  std::string aside_;       // the secret before void_all(); empty: none
  Millis aside_until_ = 0;  // steady
  Random& random_;
  const UsedTicketsMax used_max_;
  std::map<Id, Used> used_;
  std::unordered_map<std::string, std::size_t> used_by_;  // how many of each user
  std::set<std::pair<Millis, Id>> used_until_;  // the same, by when they are forgotten (steady)
};

}  // namespace progressd
