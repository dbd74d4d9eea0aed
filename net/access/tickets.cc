#include "net/access/tickets.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/base64url.h"
#include "core/base/ensure.h"

namespace progressd {
namespace {

constexpr std::string_view kSecretLabel = "progressd stream tickets";
constexpr std::size_t kTicketBytesMax =
    1024;  // of its text: a user and a job id of full length fit
constexpr char kVersion = 1;
constexpr std::size_t kSignatureBytes = 32;

// Bits of a ticket's rights.
constexpr unsigned kReports = 1;
constexpr unsigned kAdministers = 2;
constexpr unsigned kAuthenticated = 4;
constexpr unsigned kHasJob = 8;

void put(std::string& bytes, std::uint64_t number, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    bytes += static_cast<char>((number >> shift) & 0xff);
  }
}

/// Takes what was put, in the same order. What is not there is 0 or empty, and then not complete().
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t size) {
    std::uint64_t number = 0;
    for (const char byte : text(size)) number = (number << 8) | static_cast<unsigned char>(byte);
    return number;
  }
  std::string_view text(std::size_t size) {
    complete_ = complete_ && size <= rest_.size();
    const std::string_view taken = complete_ ? rest_.substr(0, size) : std::string_view();
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return text(rest_.size()); }
  bool complete() const { return complete_; }

 private:
  std::string_view rest_;
  bool complete_ = true;
};

tl::unexpected<Error> refuse_ticket(std::string why) {
  return fail(Errc::kUnauthorized, std::move(why));
}

}  // namespace

std::string ticket_secret(std::string_view shared, Random& random) {
  if (!shared.empty()) return std::string(view_of(hmac_sha256(shared, kSecretLabel)));
  std::string secret;
  for (int i = 0; i < 4; ++i) put(secret, random.next(), 8);
  return secret;
}

Tickets::Tickets(std::string secret, Random& random, const UsedTicketsMax& used_max)
    : secret_(std::move(secret)), random_(random), used_max_(used_max) {}

std::string Tickets::signed_text(const Content& content) const {
  const Caller& caller = content.grant.caller;
  const unsigned rights =
      (caller.reports ? kReports : 0U) | (caller.administers ? kAdministers : 0U) |
      (caller.authenticated ? kAuthenticated : 0U) | (content.grant.job ? kHasJob : 0U);
  std::string bytes(1, kVersion);
  bytes.append(content.id.data(), content.id.size());
  put(bytes, static_cast<std::uint64_t>(content.expires_at), 8);
  put(bytes, static_cast<std::uint64_t>(caller.expires_at), 8);
  put(bytes, rights, 1);
  put(bytes, caller.user.size(), 2);
  bytes.append(caller.user).append(content.grant.job.value_or(""));
  bytes.append(view_of(hmac_sha256(secret_, bytes)));
  std::string text = base64url(bytes);
  ENSURE(text.size() <= kTicketBytesMax);
  return text;
}

Result<Tickets::Content> Tickets::read(std::string_view ticket) const {
  const auto foreign = [] { return refuse_ticket("ticket: is none that was issued here"); };
  if (ticket.size() > kTicketBytesMax) return foreign();
  const std::optional<std::string> bytes = base64url_decoded(ticket);
  if (!bytes || bytes->size() <= kSignatureBytes) return foreign();
  const std::string_view whole = *bytes;
  const std::string_view content = whole.substr(0, whole.size() - kSignatureBytes);
  if (!equals_in_constant_time(whole.substr(content.size()),
                               view_of(hmac_sha256(secret_, content)))) {
    return foreign();
  }
  Reader reader(content);
  Content read;
  if (reader.number(1) != kVersion) return foreign();
  const std::string_view id = reader.text(read.id.size());
  std::copy(id.begin(), id.end(), read.id.begin());
  read.expires_at = static_cast<Millis>(reader.number(8));
  Caller& caller = read.grant.caller;
  caller.expires_at = static_cast<std::int64_t>(reader.number(8));
  const std::uint64_t rights = reader.number(1);
  caller.reports = (rights & kReports) != 0;
  caller.administers = (rights & kAdministers) != 0;
  caller.authenticated = (rights & kAuthenticated) != 0;
  caller.user = reader.text(static_cast<std::size_t>(reader.number(2)));
  if ((rights & kHasJob) != 0) read.grant.job = reader.rest();
  if (!reader.complete()) return foreign();
  return read;
}

Result<Ticket> Tickets::issue(const Caller& caller, const std::optional<std::string>& job,
                              std::int64_t ttl_seconds, Moment now) {
  if (ttl_seconds < 1 || ttl_seconds > kTicketSecondsMax) {
    return fail(Errc::kInvalid,
                fmt::format("ttlSeconds: must be an integer from 1 to {}", kTicketSecondsMax));
  }
  Content content;
  std::string id;
  put(id, random_.next(), 8);
  put(id, random_.next(), 8);
  std::copy(id.begin(), id.end(), content.id.begin());
  content.expires_at = now.wall + ttl_seconds * 1'000;
  if (caller.expires_at != 0) {
    content.expires_at = std::min<Millis>(content.expires_at, caller.expires_at * 1'000);
  }
  content.grant = {caller, job};
  return Ticket{signed_text(content), content.expires_at};
}

void Tickets::void_all(Moment now) {
  if (aside_.empty()) aside_ = std::move(secret_);
  aside_until_ = now.steady + kTicketSecondsMax * 1'000 + kTicketLeewayMs;
  secret_ = ticket_secret("", random_);
  used_.clear();
  used_until_.clear();
  used_by_.clear();
}

void Tickets::look_after(Moment now) {
  if (aside_.empty() || now.steady < aside_until_) return;
  secret_ = std::exchange(aside_, {});
}

void Tickets::forget_expired(Millis steady_at) {
  for (; !used_until_.empty() && used_until_.begin()->first <= steady_at;
       used_until_.erase(used_until_.begin())) {
    const auto used = used_.find(used_until_.begin()->second);
    const auto owned = used_by_.find(used->second.user);
    if (--owned->second == 0) used_by_.erase(owned);
    used_.erase(used);
  }
}

Result<Tickets::Content> Tickets::admit(std::string_view ticket, const TicketUse& use,
                                        Moment now) const {
  Result<Content> content = read(ticket);
  if (!content) return content;
  const Millis left = content->expires_at - now.wall;
  if (left <= 0 || left > kTicketSecondsMax * 1'000 + kTicketLeewayMs) {
    return refuse_ticket("ticket: has expired, ask for another one");
  }
  const auto used = used_.find(content->id);
  if (used != used_.end() && !(use.is_reconnect && used->second.stream == sha256(use.stream))) {
    return refuse_ticket("ticket: is used up, ask for another one");
  }
  if (content->grant.job && content->grant.job != use.job) {
    return fail(Errc::kForbidden, "ticket: is for another job's stream");
  }
  return content;
}

Result<Grant> Tickets::check(std::string_view ticket, const TicketUse& use, Moment now) const {
  return admit(ticket, use, now).map([](Content content) { return std::move(content.grant); });
}

Result<Grant> Tickets::redeem(std::string_view ticket, const TicketUse& use, Moment now) {
  Result<Content> content = admit(ticket, use, now);
  if (!content) return tl::unexpected(content.error());
  forget_expired(now.steady);
  if (!used_.contains(content->id)) {
    const std::string& user = content->grant.caller.user;
    const auto owned = used_by_.find(user);
    if (owned != used_by_.end() && owned->second >= used_max_.of_user) {
      return fail(Errc::kTooMany, "ticket: this user used too many of them within a minute");
    }
    if (used_.size() >= used_max_.of_all) {
      return fail(Errc::kOverloaded, "too many tickets are in use");
    }
    used_.emplace(content->id, Used{sha256(use.stream), user});
    ++used_by_[user];
    used_until_.emplace(now.steady + content->expires_at - now.wall, content->id);
  }
  return std::move(content->grant);
}

}  // namespace progressd
