// What a running server takes over of a configuration that was read again.
#include "net/config_reload.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/net/access/temp_folder.h"

namespace progressd {
namespace {

using Flags = std::vector<std::string_view>;

Config config(const std::vector<std::string>& flags) {
  std::vector<const char*> argv{"progressd"};
  for (const std::string& flag : flags) argv.push_back(flag.c_str());
  auto read = read_config(static_cast<int>(argv.size()), argv.data());
  if (const auto* exit = std::get_if<ConfigExit>(&read)) ADD_FAILURE() << exit->text;
  return std::get<Config>(std::move(read));
}

TEST(ConfigReload, TakesLimitsOverAndKeepsWhatIsFixed) {
  const Config running = config({"--max-jobs", "5", "--watch", "a=http://127.0.0.1:1/"});
  Config next = config({"--max-jobs",
                        "6",
                        "--listen",
                        "127.0.0.1:9",
                        "--journal",
                        "sqlite:x",
                        "--durability",
                        "relaxed",
                        "--journal-log-bytes",
                        "1MiB",
                        "--job-threads",
                        "7",
                        "--reuse-port",
                        "--watch",
                        "b=http://127.0.0.1:1/",
                        "--log-format",
                        "json",
                        "--demo",
                        "--demo-duration",
                        "1s",
                        "--demo-fail-rate",
                        "0.5",
                        "--insecure"});
  EXPECT_EQ(keep_what_is_fixed(running, next),
            (Flags{"--listen", "--reuse-port", "--insecure", "--journal", "--durability",
                   "--journal-log-bytes", "--job-threads", "--watch", "--demo-duration",
                   "--demo-fail-rate", "--demo", "--log-format"}));
  EXPECT_EQ(next.jobs.jobs_max, 6u);
  EXPECT_EQ(next.listen, running.listen);
  EXPECT_EQ(next.journal, "memory:");
  EXPECT_EQ(next.watches, running.watches);
  EXPECT_EQ(keep_what_is_fixed(running, next), Flags{});
}

TEST(ConfigReload, AuthIsNeitherTurnedOnNorOff) {
  const testing::TempFolder folder;
  const std::string secret = folder.write("secret", std::string(32, 's'));
  const Config open = config({});
  const Config guarded = config({"--jwt-secret-file", secret, "--jwt-issuer", "us"});
  Config next = guarded;
  EXPECT_EQ(keep_what_is_fixed(open, next), (Flags{"--auth"}));
  EXPECT_FALSE(next.access.keys);
  EXPECT_EQ(next.access.cors_origins, open.access.cors_origins);
  next = open;
  EXPECT_EQ(keep_what_is_fixed(guarded, next), (Flags{"--auth"}));
  EXPECT_TRUE(next.access.keys);
  EXPECT_EQ(next.access.token_rules.issuer, "us");
  EXPECT_TRUE(next.access.cors_origins.empty());
}

TEST(ConfigReload, AServiceManagersSocketsStandForTheFlags) {
  Config running = config({});
  running.listen = {"127.0.0.1:80"};
  running.passed_sockets = {3};
  Config next = config({"--listen", "127.0.0.1:9", "--reuse-port"});
  EXPECT_EQ(keep_what_is_fixed(running, next), Flags{});
  EXPECT_EQ(next.listen, running.listen);
  EXPECT_EQ(next.passed_sockets, running.passed_sockets);
  EXPECT_FALSE(next.reuse_port);
}

}  // namespace
}  // namespace progressd
