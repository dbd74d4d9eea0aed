#include "net/access/browser_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/testing.h"
#include "tests/net/access/requests.h"

namespace progressd {
namespace {

using testing::HeaderField;
using testing::make_request;

bool admits(const HostRule& rule, std::string_view host) {
  Request request;
  make_request(request, Method::kGet, "/", {{"Host", host}});
  return rule.admits(request);
}

TEST(HostRule, AdmitsLoopbackByAnyOfItsNamesOnAnyPort) {
  const HostRule rule({});
  for (const std::string_view host :
       {"localhost", "localhost:8080", "LocalHost", "localhost.", "localhost.:80", "a.localhost",
        "a.b.localhost:1", "127.0.0.1", "127.0.0.1:8080", "127.255.3.4", "127.0.0.1.", "[::1]",
        "[::1]:8080", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "localhost:"}) {
    EXPECT_TRUE(admits(rule, host)) << host;
  }
}

TEST(HostRule, RefusesEveryOtherName) {
  const HostRule rule({});
  for (const std::string_view host : {"evil.example",
                                      "localhost.evil.example",
                                      "evillocalhost",
                                      ".localhost",
                                      "localhost.a",
                                      "127.0.0.1.evil.example",
                                      "128.0.0.1",
                                      "0.0.0.0",
                                      "10.0.0.1",
                                      "127.1",
                                      "127",
                                      "[::2]",
                                      "[::]",
                                      "[::ffff:10.0.0.1]",
                                      "::1",
                                      "[::1",
                                      "[]",
                                      "[",
                                      "]",
                                      ".",
                                      ":",
                                      ":80",
                                      "localhost:80a",
                                      "localhost:80:80",
                                      "localhost:@evil.example",
                                      "127.0.0.1:80.evil.example",
                                      "[::1]evil.example",
                                      "[::1]evil:80",
                                      "a,localhost"}) {
    EXPECT_FALSE(admits(rule, host)) << host;
  }
}

TEST(HostRule, ARequestThatNamesNoHostIsNoneOfABrowsers) {
  Request request;
  make_request(request, Method::kGet, "/", {});
  EXPECT_TRUE(HostRule({}).admits(request));
  EXPECT_TRUE(admits(HostRule({}), ""));
}

TEST(HostRule, AllowedHostsCountBesides) {
  std::vector<std::string> allowed;
  for (const std::string_view host : {"Jobs.Example.", "192.0.2.7", "[2001:DB8::7]"}) {
    allowed.push_back(parse_host(host).value());
  }
  const HostRule rule(allowed);
  for (const std::string_view host : {"jobs.example", "JOBS.example:8080", "jobs.example.",
                                      "192.0.2.7:80", "[2001:db8::7]:80", "localhost"}) {
    EXPECT_TRUE(admits(rule, host)) << host;
  }
  for (const std::string_view host : {"a.jobs.example", "jobs.example.evil", "192.0.2.70"}) {
    EXPECT_FALSE(admits(rule, host)) << host;
  }
}

TEST(ParseHost, RefusesWhatIsNoHost) {
  for (const std::string_view text :
       {"", "http://jobs.example", "jobs.example:80", "jobs example", "*", "*.example",
        "jobs.example/", "[::1]:80", "[x]", "::1"}) {
    EXPECT_EQ(testing::error_of(parse_host(text)), Errc::kInvalid) << text;
  }
  EXPECT_EQ(testing::error_of(parse_host(std::string(254, 'a'))), Errc::kInvalid);
}

bool forged(Method method, std::initializer_list<HeaderField> fields, const Cors& cors) {
  Request request;
  make_request(request, method, "/v1/jobs/a/cancel", fields);
  return is_forged(request, cors);
}

TEST(ForgedRequests, AreChangesThatAForeignPageAsksFor) {
  const Cors none({});
  for (const Method method : {Method::kPost, Method::kPatch, Method::kDelete, Method::kOther}) {
    EXPECT_TRUE(forged(method, {{"Sec-Fetch-Site", "cross-site"}}, none));
    EXPECT_TRUE(forged(method, {{"sec-fetch-site", "same-site"}}, none));
    EXPECT_FALSE(forged(method, {{"Sec-Fetch-Site", "same-origin"}}, none));
    EXPECT_FALSE(forged(method, {{"Sec-Fetch-Site", "none"}}, none)) << "a person typed it in";
    EXPECT_FALSE(forged(method, {}, none)) << "not a browser, or an old one";
  }
  for (const Method method : {Method::kGet, Method::kHead, Method::kOptions}) {
    EXPECT_FALSE(forged(method, {{"Sec-Fetch-Site", "cross-site"}}, none));
  }
}

TEST(ForgedRequests, AreKnownByTheirOriginWhereABrowserSendsNoMore) {
  const Cors none({});
  const HeaderField host{"Host", "jobs.example:8080"};
  const HeaderField evil{"Origin", "http://evil.example"};
  EXPECT_TRUE(forged(Method::kPost, {host, evil}, none));
  EXPECT_TRUE(forged(Method::kPost, {host, {"Origin", "null"}}, none));
  EXPECT_TRUE(forged(Method::kPost, {host, {"Origin", "http://jobs.example"}}, none));
  EXPECT_FALSE(forged(Method::kPost, {host, {"Origin", "http://Jobs.example:8080"}}, none));
  EXPECT_FALSE(forged(Method::kPost, {host, evil}, Cors({"*"})));
  EXPECT_FALSE(forged(Method::kPost, {host, evil, {"Authorization", "Bearer x"}}, none));
  EXPECT_TRUE(forged(Method::kPost, {host, evil, {"Content-Type", "text/plain"}}, none));
  // A name and password that it was told once it sends by itself.
  EXPECT_TRUE(forged(Method::kPost, {host, evil, {"Authorization", "Basic YTpi"}}, none));
  // A browser asks before it sends these.
  EXPECT_FALSE(forged(Method::kPost, {host, evil, {"Content-Type", "application/json"}}, none));
  EXPECT_FALSE(forged(Method::kDelete, {host, evil}, none));
  EXPECT_FALSE(forged(Method::kGet, {host, evil}, none));
}

TEST(ForgedRequests, OfNoOriginNeverGoOnACookie) {
  const HeaderField host{"Host", "jobs.example:8080"};
  const HeaderField nobody{"Origin", "null"};  // in a sandbox, in a file
  const HeaderField site{"Sec-Fetch-Site", "cross-site"};
  const HeaderField cookie{"Cookie", "progressd_token=x"};
  for (const char* allowed : {"null", "*"}) {
    const Cors cors({allowed});
    EXPECT_FALSE(forged(Method::kPost, {host, nobody}, cors)) << allowed;
    EXPECT_FALSE(forged(Method::kPost, {host, nobody, site}, cors)) << allowed;
    EXPECT_TRUE(forged(Method::kPost, {host, nobody, cookie}, cors)) << allowed;
    EXPECT_TRUE(forged(Method::kPost, {host, nobody, site, cookie}, cors)) << allowed;
  }
  EXPECT_TRUE(forged(Method::kPost, {host, nobody}, Cors({"https://app.example"})));
}

TEST(ForgedRequests, AreNotThoseOfPagesThatCorsAllows) {
  const HeaderField site{"Sec-Fetch-Site", "cross-site"};
  const HeaderField app{"Origin", "https://app.example"};
  const HeaderField evil{"Origin", "https://evil.example"};
  const Cors named({"https://app.example"});
  EXPECT_FALSE(forged(Method::kPost, {site, app}, named));
  EXPECT_TRUE(forged(Method::kPost, {site, evil}, named));
  EXPECT_TRUE(forged(Method::kPost, {site}, named));
  EXPECT_FALSE(forged(Method::kPost, {site, evil}, Cors({"*"})));
}

TEST(ForgedRequests, AreThoseWithACookieOfAnyPageThatIsNotNamed) {
  const HeaderField site{"Sec-Fetch-Site", "cross-site"};
  const HeaderField app{"Origin", "https://app.example"};
  const HeaderField cookie{"Cookie", "progressd_token=a.b.c"};
  EXPECT_TRUE(forged(Method::kPost, {site, app, cookie}, Cors({"*"})));
  EXPECT_FALSE(forged(Method::kPost, {site, app, cookie}, Cors({"*", "https://app.example"})));
  EXPECT_FALSE(forged(Method::kPost, {site, app, {"Cookie", "theme=dark"}}, Cors({"*"})));
}

}  // namespace
}  // namespace progressd
