// The flags that say who may do what, and what they mean together.
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "net/config.h"
#include "tests/net/access/temp_folder.h"

namespace progressd {
namespace {

class AccessFlags : public ::testing::Test {
 protected:
  std::variant<Config, ConfigExit> read(const std::vector<std::string>& flags) {
    std::vector<const char*> argv{"progressd"};
    for (const std::string& flag : flags) argv.push_back(flag.c_str());
    return read_config(static_cast<int>(argv.size()), argv.data(), environment_.data());
  }
  Config config(const std::vector<std::string>& flags) {
    auto read_flags = read(flags);
    if (const auto* exit = std::get_if<ConfigExit>(&read_flags)) ADD_FAILURE() << exit->text;
    return std::get<Config>(read_flags);
  }
  /// What is said of flags that are refused.
  std::string fault(const std::vector<std::string>& flags) {
    const auto read_flags = read(flags);
    const auto* exit = std::get_if<ConfigExit>(&read_flags);
    if (exit == nullptr) return "";
    EXPECT_EQ(exit->status, 2);
    return exit->text;
  }

  std::vector<const char*> environment_{nullptr};
  const testing::TempFolder folder_;
  const std::string secret_ = folder_.write("secret", std::string(32, 's'));
};

TEST_F(AccessFlags, AMisspeltVariableIsRefusedAndTheNearestSuggested) {
  environment_ = {"HOME=/", "PROGRESSD_KEEPALIFE=1s", nullptr};
  EXPECT_NE(
      fault({}).find("PROGRESSD_KEEPALIFE: is no flag's variable: is PROGRESSD_KEEPALIVE meant?"),
      std::string::npos)
      << fault({});
  environment_ = {"PROGRESSD_KEEPALIVE=1s",
                  "PROGRESSD_URL=x",
                  "PROGRESSD_SERVICE_HOST=10.0.0.1",
                  "PROGRESSD_PORT_8080_TCP=tcp://10.0.0.1:8080",
                  "PROGRESS_BAR=1",
                  nullptr};
  EXPECT_EQ(fault({}), "");
}

TEST_F(AccessFlags, WithoutAKeyAuthIsOff) {
  const Config without = config({});
  EXPECT_FALSE(without.access.keys);
  EXPECT_EQ(without.access.cors_origins, std::vector<std::string>{"*"});
  EXPECT_FALSE(without.access.query_token_ignored);
  EXPECT_FALSE(config({"--auth", "none"}).access.keys);
}

TEST_F(AccessFlags, AKeyTurnsAuthOnAndCorsOff) {
  for (const Config& with : {config({"--jwt-secret-file", secret_}),
                             config({"--auth", "jwt", "--jwt-secret-file", secret_})}) {
    ASSERT_TRUE(with.access.keys);
    EXPECT_EQ(with.access.keys->secret(), std::string(32, 's'));
    EXPECT_TRUE(with.access.cors_origins.empty());
  }
}

TEST_F(AccessFlags, WhatATokenMustSay) {
  const TokenRules rules = config({"--jwt-secret-file", secret_, "--jwt-audience", "progress",
                                   "--jwt-issuer", "https://id.example/", "--jwt-require-exp"})
                               .access.token_rules;
  EXPECT_EQ(rules.audience, "progress");
  EXPECT_EQ(rules.issuer, "https://id.example/");
  EXPECT_TRUE(rules.exp_required);
  EXPECT_TRUE(config({"--no-query-token"}).access.query_token_ignored);
}

TEST_F(AccessFlags, OriginsAndHostsAreGivenAgainOrWithCommas) {
  const std::vector<std::string> origins{"https://a.example", "http://b.example:8000", "null"};
  EXPECT_EQ(config({"--cors-origin", origins[0], "--cors-origin", origins[1] + ",null"})
                .access.cors_origins,
            origins);
  EXPECT_EQ(config({"--cors-origin", "*", "--jwt-secret-file", secret_}).access.cors_origins,
            std::vector<std::string>{"*"});
  EXPECT_EQ(config({"--allow-host", "Jobs.example,[::2]"}).access.allowed_hosts,
            (std::vector<std::string>{"jobs.example", "[::2]"}));
}

TEST_F(AccessFlags, WithAuthOtherAddressesMayBeListenedOn) {
  EXPECT_NE(fault({"--listen", "0.0.0.0:0"}).find("--jwt-secret-file"), std::string::npos);
  EXPECT_EQ(fault({"--listen", "0.0.0.0:0", "--jwt-secret-file", secret_}), "");
}

TEST_F(AccessFlags, LimitsOfAUserAreInForceWhereUsersAreKnown) {
  const Config off = in_force(config({}));
  EXPECT_GT(off.access.streams_per_user_max, 1'000'000'000U);
  EXPECT_GT(off.access.jobs_per_user_max, 1'000'000'000U);
  EXPECT_EQ(off.access.creates_per_second_max, 0U);
  EXPECT_GT(off.access.streams_per_address_max, 1'000'000'000U);
  const Config on = in_force(config({"--jwt-secret-file", secret_, "--max-jobs-per-user", "0",
                                     "--max-streams-per-address", "7", "--create-rate", "5"}));
  EXPECT_EQ(on.access.streams_per_user_max, 100U);
  EXPECT_GT(on.access.jobs_per_user_max, 1'000'000'000U);
  EXPECT_EQ(on.access.creates_per_second_max, 5U);
  EXPECT_EQ(on.access.streams_per_address_max, 7U);
  const Config address = in_force(config({"--max-streams-per-address", "7"}));
  EXPECT_EQ(address.access.streams_per_address_max, 7U);
}

}  // namespace
}  // namespace progressd
