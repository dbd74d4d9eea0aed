// A parser that knows the header fields of the request before reads the next one as a parser does
// that never saw any other.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "net/http/parser.h"

namespace progressd {
namespace {

using Stage = RequestParser::Stage;

constexpr std::string_view kFields =
    "Host: h\r\nContent-Type: application/json\r\nAuthorization: Bearer a.b.c\r\n"
    "Content-Length: 5\r\n\r\n";

std::string request(std::string_view line, std::string_view fields = kFields,
                    std::string_view body = "hello") {
  return std::string(line).append("\r\n").append(fields).append(body);
}

/// All that is said of a request.
std::string told(RequestParser& parser) {
  if (parser.stage() == Stage::kFailed) {
    return std::to_string(parser.error_status()) + " " + parser.error_detail();
  }
  Request& request = parser.request();
  std::string text = std::to_string(static_cast<int>(parser.stage())) + " " +
                     std::to_string(static_cast<int>(request.method)) + " " + request.target + " " +
                     std::string(request.path) + " " + std::string(request.host()) + " 1." +
                     std::to_string(request.minor_version) + (request.keep_alive ? " keep " : " ") +
                     (parser.take_continue() ? "waits " : "") +
                     std::to_string(request.header_count());
  for (const auto& [name, value] : request.query_parameters()) text += " " + name + "=" + value;
  for (const std::string_view name : {"Host", "Content-Type", "Authorization", "X", "Expect"}) {
    text += " " + std::string(request.header(name).value_or("-"));
  }
  return text + " " + request.body;
}

/// Hands over `bytes`, cut at `cut`, up to the end of a request.
std::string read(RequestParser& parser, std::string_view bytes, std::size_t cut) {
  const std::size_t taken = parser.feed(bytes.substr(0, cut));
  if (parser.stage() != Stage::kComplete && parser.stage() != Stage::kFailed) {
    EXPECT_EQ(taken, cut);
    parser.feed(bytes.substr(taken));
  }
  return told(parser);
}

const std::vector<std::string>& requests() {
  static const std::vector<std::string> kRequests{
      request("POST /a HTTP/1.1"),
      request("POST /bc?x=y%20z HTTP/1.1"),
      request("POST http://other:80/d HTTP/1.1"),
      request("PATCH /a HTTP/1.1"),
      request("GET /a HTTP/1.1"),
      request("POST /a HTTP/1.0"),
      request("POST /a HTTP/1.2"),
      request("POST  /a HTTP/1.1"),
      request("POST /%zz HTTP/1.1"),
      request("CONNECT h:80 HTTP/1.1"),
      request("POST /a\xff HTTP/1.1"),
      "\r\n" + request("POST /a HTTP/1.1"),
      "\r\n\r\n" + request("POST /a HTTP/1.1"),
      request("POST /a HTTP/1.1", "POST /a HTTP/1.1\r\n" + std::string(kFields)),
      request("POST /a HTTP/1.1", "\r\nPOST /a HTTP/1.1\r\n" + std::string(kFields)),
      request("POST /a"),
      request("POST /a HTTP/0.9"),
      request(""),
      request("HTTP/1.1"),
      request("POST /a HTTP/1.1", kFields, "world"),
      request("POST /a HTTP/1.1", "Host: h\r\nX: 1\r\nContent-Length: 5\r\n\r\n"),
      request("POST /a HTTP/1.1", "Host: h\r\nX: 2\r\nContent-Length: 5\r\n\r\n"),
      request("POST /a HTTP/1.1", "Host: h\r\nX: 2\r\nContent-Length: 3\r\n\r\n", "abc"),
      request("POST /a HTTP/1.1", "Host: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
      request("POST /a HTTP/1.1", "Host: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\n"),
      request("POST /a HTTP/1.1", "Host: h\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\n"),
      request("POST /a HTTP/1.1", "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n",
              "5\r\nhello\r\n0\r\nX: trailer\r\n\r\n"),
      request("POST /a HTTP/1.1", "Host: h\r\n\r\n", ""),
      request("POST /a HTTP/1.1", "Content-Length: 5\r\n\r\n"),
      request("POST /a HTTP/1.0", "\r\n", ""),
      request("GET /a HTTP/1.1", "Host: h\r\n\r\n", ""),
  };
  return kRequests;
}

TEST(KnownFields, ARequestIsReadAsIfItWereTheFirst) {
  const HttpLimits limits;
  for (const std::string& first : requests()) {
    for (const std::string& second : requests()) {
      for (std::size_t cut = 0; cut <= second.size(); ++cut) {
        SCOPED_TRACE(first + "\n--- " + std::to_string(cut) + "\n" + second);
        RequestParser parser(limits);
        // Twice, so that the first one's own fields are known ones, too.
        for (int times = 0; times < 2; ++times) {
          read(parser, first, first.size());
          if (parser.stage() == Stage::kComplete) parser.next();
        }
        if (parser.stage() != Stage::kIdle) continue;  // nothing follows it
        RequestParser fresh(limits);
        ASSERT_EQ(read(parser, second, cut), read(fresh, second, cut));
        if (parser.stage() != Stage::kComplete) continue;
        parser.next();
        fresh.next();
        ASSERT_EQ(read(parser, first, first.size()), read(fresh, first, first.size()));
      }
    }
  }
}

TEST(KnownFields, WhatWasFoundOutAboutThemStaysWithThem) {
  const HttpLimits limits;
  RequestParser parser(limits);
  const auto knows_after = [&](const std::string& bytes) {
    read(parser, bytes, bytes.size());
    EXPECT_EQ(parser.stage(), Stage::kComplete);
    const bool knows = parser.request().known_caller.has_value();
    parser.request().known_caller = KnownCaller{};
    parser.next();
    return knows;
  };
  EXPECT_FALSE(knows_after(request("POST /a HTTP/1.1")));
  EXPECT_TRUE(knows_after(request("POST /b HTTP/1.1")));
  EXPECT_TRUE(knows_after(request("POST /b HTTP/1.1", kFields, "world")));
  std::string other(kFields);
  other[other.find("a.b.c")] = 'd';
  EXPECT_FALSE(knows_after(request("POST /b HTTP/1.1", other)));
  EXPECT_FALSE(knows_after(request("POST /b HTTP/1.1")));
  EXPECT_FALSE(knows_after(request("GET /b HTTP/1.1", "Host: h\r\n\r\n", "")));
  EXPECT_FALSE(knows_after(request("POST /b HTTP/1.1")));
  parser.reset();
  EXPECT_FALSE(knows_after(request("POST /b HTTP/1.1")));
}

TEST(KnownFields, AreHeldToTheLimitsOfTheDay) {
  const std::string bytes = request("POST /a HTTP/1.1");
  const auto status_with = [&](auto change) {
    HttpLimits limits;
    RequestParser parser(limits);
    read(parser, bytes, bytes.size());
    parser.next();
    change(limits);
    read(parser, bytes, bytes.size());
    return parser.stage() == Stage::kFailed ? parser.error_status() : 200;
  };
  EXPECT_EQ(status_with([](HttpLimits&) {}), 200);
  EXPECT_EQ(status_with([](HttpLimits& limits) { limits.headers_max = 3; }), 431);
  EXPECT_EQ(status_with([](HttpLimits& limits) { limits.url_bytes_max = 1; }), 414);
  EXPECT_EQ(status_with([](HttpLimits& limits) { limits.body_bytes_max = 4; }), 413);
}

TEST(KnownFields, AHeadIsAskedAboutEachTime) {
  const HttpLimits limits;
  int asked = 0;
  RequestParser parser(limits, [&] { return ++asked < 3; });
  const std::string bytes = request("POST /a HTTP/1.1");
  for (int times = 0; times < 2; ++times) {
    read(parser, bytes, bytes.size());
    ASSERT_EQ(parser.stage(), Stage::kComplete);
    parser.next();
  }
  read(parser, bytes, bytes.size());
  EXPECT_EQ(parser.stage(), Stage::kFailed);
  EXPECT_EQ(asked, 3);
}

TEST(KnownFields, TheUsualLimitOfTheHeaderHolds) {
  HttpLimits limits;
  limits.header_bytes_max = request("POST /a HTTP/1.1", kFields, "").size();
  RequestParser parser(limits);
  const std::string fits = request("POST /a HTTP/1.1");
  read(parser, fits, fits.size());
  ASSERT_EQ(parser.stage(), Stage::kComplete);
  parser.next();
  const std::string too_long = request("POST /ab HTTP/1.1");
  read(parser, too_long, too_long.size());
  EXPECT_EQ(parser.error_status(), 431);
}

}  // namespace
}  // namespace progressd
