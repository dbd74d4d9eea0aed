#include "net/access/tickets.h"

#include <gtest/gtest.h>

#include <set>

#include "core/base/base64url.h"
#include "core/base/digest.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::Chance;
using testing::error_of;
using testing::kSomeDay;

const std::string kSecret(32, 's');
const TicketUse kFresh{};
const TicketUse kReconnect{.job = {}, .is_reconnect = true, .stream = {}};

TicketUse of_job(std::string job, bool is_reconnect = false) {
  return {.job = std::move(job), .is_reconnect = is_reconnect, .stream = {}};
}

Caller ann(std::int64_t expires_at = 0) {
  Caller caller;
  caller.user = "ann";
  caller.authenticated = true;
  caller.expires_at = expires_at;
  return caller;
}

class TicketsTest : public ::testing::Test {
 protected:
  std::string issue(const Caller& caller, const std::optional<std::string>& job = std::nullopt,
                    std::int64_t seconds = 30) {
    return tickets_.issue(caller, job, seconds, kSomeDay).value().text;
  }

  Chance chance_{1};
  Tickets tickets_{kSecret, chance_};
};

TEST_F(TicketsTest, ATicketCarriesTheCallerItWasIssuedTo) {
  Caller caller = ann(kSomeDay / 1000 + 3'600);
  for (int rights = 0; rights < 8; ++rights) {
    caller.reports = (rights & 1) != 0;
    caller.administers = (rights & 2) != 0;
    caller.authenticated = (rights & 4) != 0;
    const Result<Grant> grant = tickets_.redeem(issue(caller), kFresh, kSomeDay);
    ASSERT_TRUE(grant);
    EXPECT_EQ(grant->caller, caller);
    EXPECT_EQ(grant->job, std::nullopt);
  }
}

TEST_F(TicketsTest, UsersAndJobsOfFullLengthFit) {
  Caller caller = ann();
  caller.user = std::string(256, '\xff');
  const std::string job(128, 'j');
  const Result<Grant> grant = tickets_.redeem(issue(caller, job), of_job(job), kSomeDay);
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->caller, caller);
  EXPECT_EQ(grant->job, job);
}

TEST_F(TicketsTest, ATicketAdmitsOneStreamAndItsReconnects) {
  const std::string ticket = issue(ann());
  EXPECT_TRUE(tickets_.redeem(ticket, kFresh, kSomeDay));
  EXPECT_EQ(error_of(tickets_.redeem(ticket, kFresh, kSomeDay)), Errc::kUnauthorized);
  EXPECT_TRUE(tickets_.redeem(ticket, kReconnect, kSomeDay + 29'999));
  EXPECT_TRUE(tickets_.redeem(ticket, kReconnect, kSomeDay + 29'999));
  EXPECT_EQ(error_of(tickets_.redeem(ticket, kReconnect, kSomeDay + 30'000)), Errc::kUnauthorized);
}

TEST_F(TicketsTest, AReconnectUsesATicketUpThatAnotherNodeAdmitted) {
  const std::string ticket = issue(ann());
  Tickets other_node(kSecret, chance_);
  EXPECT_TRUE(other_node.redeem(ticket, kReconnect, kSomeDay));
  EXPECT_EQ(error_of(other_node.redeem(ticket, kFresh, kSomeDay)), Errc::kUnauthorized);
}

TEST_F(TicketsTest, ATicketExpires) {
  const Ticket ticket = tickets_.issue(ann(), std::nullopt, 1, kSomeDay).value();
  EXPECT_EQ(ticket.expires_at, kSomeDay + 1'000);
  EXPECT_TRUE(tickets_.check(ticket.text, kFresh, kSomeDay + 999));
  EXPECT_EQ(error_of(tickets_.check(ticket.text, kFresh, kSomeDay + 1'000)), Errc::kUnauthorized);
}

TEST_F(TicketsTest, ATicketNeverOutlivesTheToken) {
  const std::int64_t soon = kSomeDay / 1'000 + 5;
  const Ticket ticket = tickets_.issue(ann(soon), std::nullopt, 60, kSomeDay).value();
  EXPECT_EQ(ticket.expires_at, soon * 1'000);
  EXPECT_TRUE(tickets_.check(ticket.text, kFresh, soon * 1'000 - 1));
  EXPECT_FALSE(tickets_.check(ticket.text, kFresh, soon * 1'000));
}

TEST_F(TicketsTest, ATimeOutOfItsRangeIsRefused) {
  for (const std::int64_t seconds : {INT64_MIN, std::int64_t{0}, std::int64_t{61}, INT64_MAX}) {
    const Result<Ticket> ticket = tickets_.issue(ann(), std::nullopt, seconds, kSomeDay);
    EXPECT_EQ(error_of(ticket), Errc::kInvalid) << seconds;
    EXPECT_NE(ticket.error().detail.find("ttlSeconds"), std::string::npos);
  }
  EXPECT_TRUE(tickets_.issue(ann(), std::nullopt, 60, kSomeDay));
}

TEST_F(TicketsTest, ATicketOfAJobIsForItsStreamOnly) {
  const std::string ticket = issue(ann(), "a");
  EXPECT_EQ(error_of(tickets_.redeem(ticket, of_job("b"), kSomeDay)), Errc::kForbidden);
  EXPECT_EQ(error_of(tickets_.redeem(ticket, kFresh, kSomeDay)), Errc::kForbidden);
  EXPECT_EQ(error_of(tickets_.redeem(ticket, of_job("b", true), kSomeDay)), Errc::kForbidden);
  EXPECT_TRUE(tickets_.redeem(ticket, of_job("a"), kSomeDay)) << "none of these used it up";
  EXPECT_TRUE(tickets_.redeem(issue(ann()), of_job("a"), kSomeDay)) << "one of no job is for any";
}

TEST_F(TicketsTest, CheckingUsesNothingUp) {
  const std::string ticket = issue(ann());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(tickets_.check(ticket, kFresh, kSomeDay));
  EXPECT_TRUE(tickets_.redeem(ticket, kFresh, kSomeDay));
  EXPECT_EQ(error_of(tickets_.check(ticket, kFresh, kSomeDay)), Errc::kUnauthorized);
  EXPECT_TRUE(tickets_.check(ticket, kReconnect, kSomeDay));
}

TEST_F(TicketsTest, EachByteOfATicketCounts) {
  const std::string ticket = issue(ann(), "a");
  for (std::size_t at = 0; at < ticket.size(); ++at) {
    std::string forged = ticket;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(error_of(tickets_.check(forged, of_job("a"), kSomeDay)), Errc::kUnauthorized) << at;
  }
  for (std::size_t size = 0; size < ticket.size(); ++size) {
    EXPECT_FALSE(tickets_.check(ticket.substr(0, size), of_job("a"), kSomeDay)) << size;
  }
  for (const std::string& other :
       {ticket + "A", ticket + "=", ticket + ticket, "." + ticket, std::string(100'000, 'A')}) {
    EXPECT_EQ(error_of(tickets_.check(other, of_job("a"), kSomeDay)), Errc::kUnauthorized);
  }
}

TEST_F(TicketsTest, WhatIsSignedButNoTicketIsRefused) {
  // A later version's, say, under the same secret.
  for (const std::string& content :
       {std::string(), std::string(1, '\1'), std::string(40, '\1'), std::string(100, '\2')}) {
    const std::string text =
        base64url(content + std::string(view_of(hmac_sha256(kSecret, content))));
    EXPECT_EQ(error_of(tickets_.check(text, kFresh, 0)), Errc::kUnauthorized) << content.size();
  }
}

TEST_F(TicketsTest, OnlyNodesWithTheSecretTakeATicket) {
  const std::string ticket = issue(ann());
  EXPECT_TRUE(Tickets(kSecret, chance_).check(ticket, kFresh, kSomeDay));
  EXPECT_EQ(error_of(Tickets(std::string(32, 't'), chance_).check(ticket, kFresh, kSomeDay)),
            Errc::kUnauthorized);
}

TEST_F(TicketsTest, TheTableOfUsedOnesIsBoundedAndForgetsTheExpired) {
  Tickets few(kSecret, chance_, {.of_all = 2});
  const auto make = [&](std::int64_t seconds) {
    return few.issue(ann(), std::nullopt, seconds, kSomeDay).value().text;
  };
  const std::string first = make(10);
  EXPECT_TRUE(few.redeem(first, kFresh, kSomeDay));
  EXPECT_TRUE(few.redeem(make(20), kFresh, kSomeDay));
  const std::string third = make(60);
  EXPECT_EQ(error_of(few.redeem(third, kFresh, kSomeDay)), Errc::kOverloaded);
  EXPECT_TRUE(few.redeem(first, kReconnect, kSomeDay)) << "which takes no more room";
  EXPECT_TRUE(few.redeem(third, kFresh, kSomeDay + 10'000)) << "the first one expired";
  EXPECT_EQ(error_of(few.redeem(make(60), kFresh, kSomeDay + 10'000)), Errc::kOverloaded);
}

TEST_F(TicketsTest, OneUserDoesNotFillTheTableOfUsedOnes) {
  Tickets few(kSecret, chance_, {.of_all = 3, .of_user = 2});
  const auto use = [&](const std::string& user, Millis at) {
    Caller caller = ann();
    caller.user = user;
    return error_of(few.redeem(few.issue(caller, std::nullopt, 10, at).value().text, kFresh, at));
  };
  EXPECT_EQ(use("ann", kSomeDay), std::nullopt);
  EXPECT_EQ(use("ann", kSomeDay), std::nullopt);
  EXPECT_EQ(use("ann", kSomeDay), Errc::kTooMany);
  EXPECT_EQ(use("bob", kSomeDay), std::nullopt);
  EXPECT_EQ(use("bob", kSomeDay), Errc::kOverloaded);
  EXPECT_EQ(use("ann", kSomeDay + 10'000), std::nullopt) << "those from before have expired";
  few.void_all(kSomeDay + 10'000);
  EXPECT_EQ(use("ann", kSomeDay + 10'000), std::nullopt);
  EXPECT_EQ(use("ann", kSomeDay + 10'000), std::nullopt) << "nor are they counted any more";
}

TEST_F(TicketsTest, AUsedOneIsForReconnectsOfItsStreamOnly) {
  const TicketUse first{.job = {}, .is_reconnect = false, .stream = "/events"};
  const TicketUse again{.job = {}, .is_reconnect = true, .stream = "/events"};
  const TicketUse other{.job = {}, .is_reconnect = true, .stream = "/v1/events"};
  const std::string ticket = issue(ann());
  EXPECT_TRUE(tickets_.check(ticket, other, kSomeDay)) << "no stream began with it yet";
  EXPECT_TRUE(tickets_.redeem(ticket, first, kSomeDay));
  EXPECT_EQ(error_of(tickets_.check(ticket, other, kSomeDay)), Errc::kUnauthorized);
  EXPECT_EQ(error_of(tickets_.redeem(ticket, other, kSomeDay)), Errc::kUnauthorized);
  EXPECT_TRUE(tickets_.redeem(ticket, again, kSomeDay));
}

TEST_F(TicketsTest, AllOfThemCanBeMadeVoid) {
  const std::string before = issue(ann());
  tickets_.void_all(kSomeDay);
  EXPECT_EQ(error_of(tickets_.check(before, kFresh, kSomeDay)), Errc::kUnauthorized);
  EXPECT_TRUE(tickets_.check(issue(ann()), kFresh, kSomeDay));
}

TEST_F(TicketsTest, OfOtherNodesAreTakenAgainWhenTheVoidOnesHaveExpired) {
  Tickets other(kSecret, chance_);
  const auto is_taken = [&](Millis at) {
    tickets_.look_after(at);
    const std::string ticket = other.issue(ann(), std::nullopt, 30, at).value().text;
    return tickets_.check(ticket, kFresh, at).has_value();
  };
  EXPECT_TRUE(is_taken(kSomeDay));
  tickets_.void_all(kSomeDay);
  tickets_.void_all(kSomeDay + 1'000);
  EXPECT_FALSE(is_taken(kSomeDay + 90'999));
  EXPECT_TRUE(is_taken(kSomeDay + 91'000));
}

TEST_F(TicketsTest, NoTwoAreTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(issue(ann())).second);
}

TEST(TicketSecret, IsSharedByThoseWhoShareAKeyAndElseEachProcesssOwn) {
  Chance chance(1), other(2);
  const std::string key(32, 'k');
  EXPECT_EQ(ticket_secret(key, chance), ticket_secret(key, other));
  EXPECT_NE(ticket_secret(key, chance), key) << "who sees a ticket's secret must not sign tokens";
  EXPECT_NE(ticket_secret(key, chance), ticket_secret(std::string(32, 'l'), chance));
  EXPECT_NE(ticket_secret("", chance), ticket_secret("", other));
  EXPECT_EQ(ticket_secret("", chance).size(), 32U);
}

TEST_F(TicketsTest, AClockThatIsSetBackMakesNoTicketGoodForLonger) {
  constexpr Millis kDayMs = 86'400'000;
  const std::string ticket = issue(ann(), std::nullopt, kTicketSecondsMax);
  const Moment back(kSomeDay - kDayMs, kSomeDay);
  EXPECT_EQ(error_of(tickets_.check(ticket, kFresh, back)), Errc::kUnauthorized);
  EXPECT_EQ(error_of(tickets_.check(ticket, kReconnect, back)), Errc::kUnauthorized);
  const Moment a_little_behind(kSomeDay - kTicketLeewayMs, kSomeDay);  // another node
  EXPECT_TRUE(tickets_.check(ticket, kFresh, a_little_behind));
}

TEST_F(TicketsTest, AUsedTicketIsKnownThoughTheClockWasSetForwardMeanwhile) {
  constexpr Millis kDayMs = 86'400'000;
  const std::string ticket = issue(ann());
  EXPECT_TRUE(tickets_.redeem(ticket, kFresh, kSomeDay));
  const Moment forward(kSomeDay + kDayMs, kSomeDay + 1);
  const auto other = tickets_.issue(ann(), std::nullopt, 30, forward);
  EXPECT_TRUE(tickets_.redeem(other->text, kFresh, forward));
  EXPECT_EQ(error_of(tickets_.redeem(ticket, kFresh, kSomeDay + 2)), Errc::kUnauthorized);
}

}  // namespace
}  // namespace progressd
