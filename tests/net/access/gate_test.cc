// Whom a request comes from, where its header fields are those of the request before.
#include "net/access/gate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/core/testing.h"
#include "tests/net/access/requests.h"
#include "tests/net/access/temp_folder.h"
#include "tests/net/access/tokens.h"

namespace progressd {
namespace {

using testing::Chance;
using testing::hs256_token;
using testing::jwks_of;
using testing::ManualClock;
using testing::SigningKey;
using testing::TempFolder;

const std::string kSecret(32, 's');
const std::string kOtherSecret(32, 't');

class GateTest : public ::testing::Test {
 protected:
  AccessSettings settings(const std::string& secret = kSecret) {
    AccessSettings settings;
    settings.keys = KeySet::open(KeyFileKind::kSecret, folder_.write("secret", secret)).value();
    return settings;
  }
  std::int64_t now() const { return clock_.wall_at() / 1'000; }
  std::string token(std::string_view user, std::int64_t expires_in = 3'600) const {
    return hs256_token(kSecret,
                       fmt::format(R"({{"sub":"{}","exp":{}}})", user, now() + expires_in));
  }
  /// A request whose fields the one before did not have.
  void ask_first(std::string_view target, std::string_view token) {
    const std::string bearer = fmt::format("Bearer {}", token);
    if (token.empty()) return testing::make_request(request_, Method::kPost, target, {});
    testing::make_request(request_, Method::kPost, target, {{"Authorization", bearer}});
  }
  /// The next one of the connection, with the same fields.
  void ask_again(std::string_view target = "/v1/jobs") {
    request_.clear_but_fields();
    request_.target = target;
    ASSERT_TRUE(request_.read_target());
  }
  /// Who it is; the status of the answer to somebody who can't be told.
  std::string user(bool is_stream = false) {
    const std::optional<Response> refusal = gate_.identify(request_, is_stream);
    return refusal ? std::to_string(refusal->status) : request_.caller.user;
  }

  const TempFolder folder_;
  ManualClock clock_;
  Chance chance_{1};
  Gate gate_{settings(), /*on_loopback=*/true, clock_, chance_};
  Request request_;
};

TEST_F(GateTest, TheSameFieldsAreTheSameCaller) {
  ask_first("/v1/jobs", token("ann"));
  EXPECT_EQ(user(), "ann");
  ask_again();
  EXPECT_FALSE(request_.caller.authenticated);  // before it is asked
  EXPECT_EQ(user(), "ann");
  EXPECT_TRUE(request_.caller.authenticated);
  ask_first("/v1/jobs", token("bob"));
  EXPECT_EQ(user(), "bob");
}

TEST_F(GateTest, ATokenThatExpiresBetweenTwoRequestsIsRefused) {
  ask_first("/v1/jobs", token("ann", /*expires_in=*/1));
  EXPECT_EQ(user(), "ann");
  clock_.advance((1 + kLeewaySeconds) * 1'000);
  ask_again();
  EXPECT_EQ(user(), "401");
  ask_again();
  EXPECT_EQ(user(), "401");
}

TEST_F(GateTest, OtherKeysAreInForceAtOnce) {
  ask_first("/v1/jobs", token("ann"));
  EXPECT_EQ(user(), "ann");
  EXPECT_TRUE(gate_.use(settings(kOtherSecret)));
  ask_again();
  EXPECT_EQ(user(), "401");
}

TEST_F(GateTest, WhereNoTokenCanHaveLostItsWorthNoStreamIsAskedAgain) {
  AccessSettings next = settings();
  EXPECT_FALSE(gate_.use(next)) << "nothing changed";
  next.token_rules = {"here", "us", true};
  EXPECT_TRUE(gate_.use(next));
  EXPECT_FALSE(gate_.use(next)) << "it is said once";
  next.token_rules = {};
  next.query_token_ignored = true;
  EXPECT_FALSE(gate_.use(next)) << "less is asked for";
  for (const TokenRules& rules : {TokenRules{"here", "", false}, TokenRules{"", "us", false},
                                  TokenRules{"there", "", false}, TokenRules{"", "", true}}) {
    next.token_rules = rules;
    EXPECT_TRUE(gate_.use(next));
  }
  EXPECT_FALSE(gate_.take_key_loss()) << "it was said already";
}

TEST_F(GateTest, AKeyThatLeftItsSetBetweenTwoSettingsIsMissed) {
  const SigningKey one = SigningKey::ec(), two = SigningKey::ec();
  const auto with = [&](const std::vector<std::string>& jwks) {
    AccessSettings next;
    next.keys = KeySet::open(KeyFileKind::kJwks, folder_.write("jwks", jwks_of(jwks))).value();
    return next;
  };
  const std::string first = one.jwk(R"("kid":"1")"), second = two.jwk(R"("kid":"2")");
  EXPECT_TRUE(gate_.use(with({first, second}))) << "the secret is gone";
  const Caller ann{.user = "ann", .expires_at = now() + 60, .authenticated = true};
  const std::string stream = "/v1/jobs/a/events?ticket=";
  const auto by_ticket = [&](const Ticket& ticket) {
    ask_first(stream + ticket.text, "");
    return user(/*is_stream=*/true);
  };
  Ticket ticket = gate_.issue_ticket(ann, std::nullopt, 30).value();
  EXPECT_FALSE(gate_.use(with({second, first}))) << "the order is no matter";
  EXPECT_EQ(by_ticket(ticket), "ann");
  EXPECT_TRUE(gate_.use(with({second})));
  EXPECT_EQ(by_ticket(ticket), "401") << "it may be of a token that the key had signed";
  EXPECT_FALSE(gate_.use(with({second, first}))) << "one more takes nothing away";
  // Seen while a request was looked at, and not told yet.
  with({second});
  clock_.advance(1'000);
  ask_first("/v1/jobs", one.token(R"({"sub":"ann"})", "1"));
  EXPECT_EQ(user(), "401");
  EXPECT_TRUE(gate_.use(with({second})));
}

TEST_F(GateTest, TicketsOfAnotherSecretAreTakenAtOnceWhereItCameWithTheKey) {
  // As on all nodes: none of them signs with a secret of its own meanwhile.
  EXPECT_TRUE(gate_.use(settings(kOtherSecret)));
  Gate other_node(settings(kOtherSecret), /*on_loopback=*/true, clock_, chance_);
  const Caller ann{.user = "ann", .expires_at = now() + 60, .authenticated = true};
  const Ticket ticket = other_node.issue_ticket(ann, std::nullopt, 30).value();
  ask_first("/v1/jobs/a/events?ticket=" + ticket.text, "");
  EXPECT_EQ(user(/*is_stream=*/true), "ann");
}

TEST_F(GateTest, KeysThatWereReadAgainAreTheOnesInForce) {
  const SigningKey one = SigningKey::ec(), two = SigningKey::ec();
  const std::string first = one.jwk(R"("kid":"1")"), second = two.jwk(R"("kid":"2")");
  AccessSettings next;
  next.keys =
      KeySet::open(KeyFileKind::kJwks, folder_.write("jwks", jwks_of({first, second}))).value();
  gate_.use(next);
  folder_.write("jwks", jwks_of({second}));
  clock_.advance(1'000);
  EXPECT_TRUE(gate_.take_key_loss());
  EXPECT_TRUE(next.keys->find("ES256", "1"));
  next.keys = gate_.keys();
  EXPECT_FALSE(next.keys->find("ES256", "1"));
  EXPECT_FALSE(gate_.use(next)) << "what went was told of";
}

TEST_F(GateTest, ATokenOfTheQueryIsNotThatOfTheNextRequest) {
  ask_first("/v1/jobs?access_token=" + token("ann"), "");
  EXPECT_EQ(user(), "ann");
  ask_again();
  EXPECT_EQ(user(), "401");
  ask_again("/v1/jobs?access_token=" + token("bob"));
  EXPECT_EQ(user(), "bob");
}

TEST_F(GateTest, ATicketGoesBeforeTheTokenOfTheFieldsAndIsNotKept) {
  ask_first("/v1/jobs/a/events", token("ann"));
  EXPECT_EQ(user(/*is_stream=*/true), "ann");
  const Caller bob{.user = "bob", .expires_at = now() + 60, .authenticated = true};
  const Ticket ticket = gate_.issue_ticket(bob, std::nullopt, 30).value();
  ask_again("/v1/jobs/a/events?ticket=" + ticket.text);
  EXPECT_EQ(user(/*is_stream=*/true), "bob");
  ask_again("/v1/jobs/a/events?ticket=forged");
  EXPECT_EQ(user(/*is_stream=*/true), "401");
  ask_again("/v1/jobs/a/events");
  EXPECT_EQ(user(/*is_stream=*/true), "ann");
}

TEST_F(GateTest, FieldsThatNameNobodyAreLookedAtAgain) {
  ask_first("/v1/jobs", "");
  EXPECT_EQ(user(), "401");
  ask_again();
  EXPECT_EQ(user(), "401");
  EXPECT_FALSE(request_.caller.authenticated);
}

}  // namespace
}  // namespace progressd
