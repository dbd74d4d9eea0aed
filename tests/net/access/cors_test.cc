#include "net/access/cors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/core/testing.h"
#include "tests/net/access/requests.h"

namespace progressd {
namespace {

using testing::HeaderField;
using testing::make_request;

constexpr std::string_view kApp = "https://app.example";

const std::string kExposed = "Access-Control-Expose-Headers: Location, ETag, Retry-After\r\n";
const std::string kOfAny = "Access-Control-Allow-Origin: *\r\n" + kExposed;
const std::string kOfApp = "Access-Control-Allow-Origin: https://app.example\r\n" + kExposed +
                           "Access-Control-Allow-Credentials: true\r\n";
const std::string kVary = "Vary: Origin\r\n";

std::string lines(const Cors& cors, std::initializer_list<HeaderField> fields) {
  Request request;
  make_request(request, Method::kGet, "/v1/jobs", fields);
  return std::string(cors.header_lines(request));
}

bool allows(const Cors& cors, std::string_view origin) {
  Request request;
  make_request(request, Method::kGet, "/", {{"Origin", origin}});
  return cors.allows(request);
}

TEST(Cors, WithoutOriginsNothingIsSaid) {
  const Cors cors({});
  EXPECT_EQ(lines(cors, {{"Origin", kApp}}), "");
  EXPECT_EQ(lines(cors, {}), "");
  EXPECT_FALSE(allows(cors, kApp));
}

TEST(Cors, AStarIsTheSameAnswerForAllAndGivesNoCredentials) {
  const Cors cors({"*"});
  EXPECT_EQ(lines(cors, {{"Origin", kApp}}), kOfAny);
  EXPECT_EQ(lines(cors, {{"Origin", "null"}}), kOfAny);
  EXPECT_EQ(lines(cors, {}), kOfAny);
  EXPECT_TRUE(allows(cors, "https://evil.example"));
}

TEST(Cors, ANamedOriginIsToldItsNameAndOthersNothingButVary) {
  const Cors cors({"https://other.example", std::string(kApp)});
  EXPECT_EQ(lines(cors, {{"origin", kApp}}), kOfApp + kVary);
  EXPECT_EQ(lines(cors, {{"Origin", "https://evil.example"}}), kVary);
  EXPECT_EQ(lines(cors, {}), kVary);
  EXPECT_EQ(lines(cors, {{"Origin", kApp}, {"Origin", kApp}}), kVary);
}

TEST(Cors, OriginsAreComparedByteForByte) {
  const Cors cors({std::string(kApp)});
  EXPECT_TRUE(allows(cors, kApp));
  for (const std::string_view other :
       {"https://app.example.evil.example", "https://evilapp.example", "https://x.app.example",
        "http://app.example", "https://app.example:8443", "https://app.example:443",
        "https://app.example/", "https://APP.example", "https://app.example.", "app.example",
        "https://app.exampl", "*", "null", "", "https://app.example, https://evil.example"}) {
    EXPECT_FALSE(allows(cors, other)) << other;
  }
}

TEST(Cors, NullIsAnOriginOnlyWhereItIsNamed) {
  EXPECT_FALSE(allows(Cors({std::string(kApp)}), "null"));
  EXPECT_TRUE(allows(Cors({"null"}), "null"));
}

TEST(Cors, NullNeverHasCredentialsSinceAnyPageCanSayIt) {
  struct Case {
    std::vector<std::string> origins;
    std::string_view origin;
    bool allowed;
    bool credentials;
    std::string_view allow_origin;  // empty: none is told
  };
  const std::string app(kApp);
  const std::vector<Case> cases{
      {{}, "null", false, false, ""},
      {{"*"}, "null", true, false, "*"},
      {{app}, "null", false, false, ""},
      {{app, "*"}, "null", true, false, "*"},
      {{"null"}, "null", true, false, "null"},
      {{"null", "*"}, "null", true, false, "null"},
      {{"null", app}, "null", true, false, "null"},
      {{"null", app}, kApp, true, true, kApp},
      {{"null"}, kApp, false, false, ""},
      {{"null"}, "NULL", false, false, ""},
      {{"null"}, "", false, false, ""},
  };
  for (const Case& one : cases) {
    const Cors cors(one.origins);
    Request request;
    make_request(request, Method::kPost, "/v1/jobs", {{"Origin", one.origin}});
    EXPECT_EQ(cors.allows(request), one.allowed) << one.origin;
    EXPECT_EQ(cors.allows_credentials(request), one.credentials) << one.origin;
    const std::string_view said = cors.header_lines(request);
    EXPECT_EQ(said.find("Allow-Credentials") != said.npos, one.credentials) << said;
    const std::string allow = fmt::format("Access-Control-Allow-Origin: {}\r\n", one.allow_origin);
    EXPECT_EQ(said.find(allow) != said.npos, !one.allow_origin.empty()) << said;
  }
}

TEST(Cors, BesideAStarNamedOriginsStillGetCredentials) {
  const Cors cors({"*", std::string(kApp)});
  EXPECT_EQ(lines(cors, {{"Origin", kApp}}), kOfApp + kVary);
  EXPECT_EQ(lines(cors, {{"Origin", "https://evil.example"}}), kOfAny + kVary);
  EXPECT_EQ(lines(cors, {}), kOfAny + kVary);
}

std::map<std::string, std::string> preflight(const Cors& cors,
                                             std::initializer_list<HeaderField> fields,
                                             Method method = Method::kOptions) {
  Request request;
  make_request(request, method, "/v1/jobs/a", fields);
  const std::optional<Response> response = cors.preflight(request);
  if (!response) return {{"none", ""}};
  EXPECT_EQ(response->status, 204);
  EXPECT_EQ(response->body, "");
  return {response->headers.begin(), response->headers.end()};
}

TEST(Cors, APreflightIsAnsweredWithAllThatMayBeSent) {
  const auto headers = preflight(Cors({std::string(kApp)}),
                                 {{"Origin", kApp},
                                  {"Access-Control-Request-Method", "PATCH"},
                                  {"Access-Control-Request-Headers", "content-type,if-match"}});
  EXPECT_EQ(headers.at("Access-Control-Allow-Methods"), "GET, HEAD, POST, PATCH, DELETE");
  EXPECT_EQ(headers.at("Access-Control-Allow-Headers"),
            "Content-Type, Authorization, Idempotency-Key, Last-Event-ID, If-Match, If-None-Match, "
            "Cache-Control, traceparent, tracestate");
  EXPECT_EQ(headers.at("Access-Control-Max-Age"), "7200");
  EXPECT_NE(headers.at("Vary").find("Origin"), std::string::npos);
}

TEST(Cors, APreflightOfAnotherOriginIsAllowedNothing) {
  const auto headers =
      preflight(Cors({std::string(kApp)}),
                {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "PATCH"}});
  EXPECT_EQ(headers.count("Access-Control-Allow-Methods"), 0U);
  EXPECT_EQ(headers.count("Access-Control-Allow-Headers"), 0U);
  EXPECT_EQ(headers.count("Vary"), 1U);
}

TEST(Cors, OtherRequestsAreNoPreflight) {
  const Cors cors({"*"});
  const HeaderField origin{"Origin", kApp};
  const HeaderField wanted{"Access-Control-Request-Method", "POST"};
  EXPECT_EQ(preflight(cors, {origin, wanted}).count("none"), 0U);
  EXPECT_EQ(preflight(cors, {origin}).count("none"), 1U);
  EXPECT_EQ(preflight(cors, {wanted}).count("none"), 1U);
  EXPECT_EQ(preflight(cors, {origin, wanted}, Method::kPost).count("none"), 1U);
}

TEST(ParseOrigin, TakesWhatBrowsersSend) {
  for (const std::string_view text :
       {"*", "null", "https://app.example", "http://localhost:3000", "http://127.0.0.1:8080",
        "http://[::1]:8080", "https://xn--bcher-kva.example", "tauri://localhost",
        "chrome-extension://abcdefgh", "https://a_b.example:80", "http://a.example:443"}) {
    EXPECT_EQ(parse_origin(text), text);
  }
}

TEST(ParseOrigin, RefusesWhatNoBrowserSends) {
  for (const std::string_view text :
       {"", "app.example", "https://", "://app.example", "https://app.example/",
        "https://app.example/path", "https://App.example", "HTTPS://app.example",
        "https://app.example:443", "http://app.example:80", "https://*.example",
        "https://user@app.example", "https://app.example https://b.example", "NULL", "**",
        "https://app.example\r\nX: y", "https://:80"}) {
    EXPECT_EQ(testing::error_of(parse_origin(text)), Errc::kInvalid) << text;
  }
}

}  // namespace
}  // namespace progressd
