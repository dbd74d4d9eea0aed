#include "net/access/credentials.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/testing.h"
#include "tests/net/access/requests.h"

namespace progressd {
namespace {

using testing::HeaderField;
using testing::make_request;

/// Credentials that outlive their request.
struct Sent {
  Result<std::string> token;
  bool token_sent;
};

Sent of(std::initializer_list<HeaderField> fields, std::string_view target = "/v1/jobs",
        bool query_token = true) {
  Request request;
  make_request(request, Method::kGet, target, fields);
  const Credentials found = credentials_of(request, query_token);
  return {found.token.map([](std::string_view token) { return std::string(token); }),
          found.token_sent};
}

TEST(Credentials, ATokenIsABearersAuthorization) {
  for (const std::string_view value :
       {"Bearer a.b-c_d", "bearer a.b-c_d", "BEARER   a.b-c_d", "  Bearer a.b-c_d\t"}) {
    const Sent sent = of({{"authorization", value}});
    EXPECT_EQ(sent.token, "a.b-c_d") << value;
    EXPECT_TRUE(sent.token_sent);
  }
  EXPECT_EQ(of({{"Authorization", "Bearer aA0-._~+/=="}}).token, "aA0-._~+/==");
}

TEST(Credentials, AMalformedAuthorizationIsAnErrorAndNothingElseIsLookedAt) {
  for (const std::string_view value :
       {"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer =", "Bearer a=b", "Bearer \"a\"",
        "Bearer a\tb", "Bearer \xc3\xa9"}) {
    const Sent sent =
        of({{"Authorization", value}, {"Cookie", "progressd_token=good"}}, "/?access_token=good");
    EXPECT_EQ(testing::error_of(sent.token), Errc::kUnauthorized) << value;
    EXPECT_TRUE(sent.token_sent) << value;
  }
}

TEST(Credentials, AnotherSchemeIsNoTokenAndTheNextPlaceCounts) {
  for (const std::string_view value : {"", "Basic YTpi", "Bearertoken", "Bearer\ta", "a.b.c"}) {
    const HeaderField other{"Authorization", value};
    EXPECT_EQ(of({other, {"Cookie", "progressd_token=a"}}, "/?access_token=b").token, "a") << value;
    EXPECT_EQ(of({other, {"Cookie", "session=1"}}, "/?access_token=b").token, "b") << value;
    EXPECT_TRUE(of({other}, "/?access_token=b").token_sent) << value;
  }
}

TEST(Credentials, WhereNoPlaceHasATokenTheSchemeThatIsKnownIsSaid) {
  for (const std::string_view value : {"", "Basic YTpi", "a.b.c"}) {
    const Sent sent = of({{"Authorization", value}}, "/?access_token=a", /*query_token=*/false);
    ASSERT_EQ(testing::error_of(sent.token), Errc::kUnauthorized) << value;
    EXPECT_EQ(sent.token.error().detail, "Authorization: only the scheme Bearer is known");
    EXPECT_FALSE(sent.token_sent) << value;
  }
}

TEST(Credentials, TwoAuthorizationsAreAnError) {
  for (const std::string_view first : {"Bearer a", "Basic YTpi"}) {
    const Sent sent = of({{"Authorization", first},
                          {"Authorization", "Bearer a"},
                          {"Cookie", "progressd_token=good"}});
    EXPECT_FALSE(sent.token);
    EXPECT_TRUE(sent.token_sent);
  }
}

TEST(Credentials, WithoutAnAuthorizationTheCookieCounts) {
  for (const std::string_view value :
       {"progressd_token=a.b", "x=1; progressd_token=a.b; y=2", "x; progressd_token=a.b",
        ";;progressd_token=a.b", "x=\"progressd_token=no\";progressd_token=a.b",
        "progressd_token=\"a.b\"", " progressd_token = a.b ",
        "progressd_token=; progressd_token=a.b", "progressd_token=a.b; progressd_token=c.d"}) {
    const Sent sent = of({{"Cookie", value}}, "/?access_token=other");
    EXPECT_EQ(sent.token, "a.b") << value;
    EXPECT_TRUE(sent.token_sent);
  }
  EXPECT_EQ(of({{"Cookie", "progressd_token=a=b=="}}).token, "a=b==");
  EXPECT_EQ(of({{"Cookie", "progressd_token=a"}, {"Authorization", "Bearer b"}}).token, "b");
}

TEST(Credentials, OtherCookiesAreNone) {
  for (const std::string_view value :
       {"", "progressd_token", "progressd_token=", "progressd_token=\"\"", "Progressd_token=a",
        "xprogressd_token=a", "progressd_tokens=a", "x=progressd_token=a", ";=;", "=a"}) {
    const Sent sent = of({{"Cookie", value}});
    EXPECT_EQ(testing::error_of(sent.token), Errc::kUnauthorized) << value;
    EXPECT_FALSE(sent.token_sent) << value;
  }
}

TEST(Credentials, TheQueryCountsLastAndOnlyWhereItMay) {
  EXPECT_EQ(of({}, "/?access_token=a%2Eb&access_token=c").token, "a.b");
  EXPECT_EQ(of({{"Cookie", "session=1"}}, "/?access_token=a").token, "a");
  const Sent ignored = of({}, "/?access_token=a", /*query_token=*/false);
  EXPECT_FALSE(ignored.token);
  EXPECT_FALSE(ignored.token_sent);
  EXPECT_FALSE(of({}, "/?access_token=").token);
  EXPECT_FALSE(of({}, "/?access_token=").token_sent);
  EXPECT_FALSE(of({}, "/?Access_token=a").token);
}

std::string challenge(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "WWW-Authenticate") return value;
  }
  return "";
}

TEST(Credentials, A401SaysWhichSchemeAndWhetherTheTokenIsWrong) {
  const Error error{Errc::kUnauthorized, "the token has expired"};
  const Response response = unauthorized(error, /*token_sent=*/true);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(challenge(response), R"(Bearer realm="progressd", error="invalid_token")");
  EXPECT_NE(response.body.find("the token has expired"), std::string::npos);
  EXPECT_EQ(challenge(unauthorized(error, /*token_sent=*/false)), R"(Bearer realm="progressd")");
}

}  // namespace
}  // namespace progressd
