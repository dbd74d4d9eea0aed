// The whole server in process, over real sockets. Each test ends with a loop that has nothing left.
#include "net/server.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/net/access/temp_folder.h"
#include "tests/net/testing.h"

namespace progressd {
namespace {

constexpr std::string_view kExternal = R"({"id":"j","runner":"external","total":10})";

std::string follow(std::string_view path, std::string_view headers = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, headers);
}

TEST(Server, AJobIsPostedReportedOnAndFollowedToItsEnd) {
  const TestServer server;
  TestClient worker(server);
  EXPECT_EQ(status_line(worker.request("POST", "/v1/jobs", kExternal)), "HTTP/1.1 201 Created");
  TestClient reader(server);
  reader.send(follow("/v1/jobs/j/events"));
  EXPECT_NE(reader.read_until("event: snapshot\n").find("text/event-stream"), std::string::npos);
  worker.request("PATCH", "/v1/jobs/j", R"({"done":4})");
  EXPECT_NE(reader.read_until("event: progress\n").find("\"done\":0"), std::string::npos);
  worker.request("PATCH", "/v1/jobs/j", R"({"state":"completed","result":{"n":1}})");
  const std::string rest = reader.read_all();
  EXPECT_NE(rest.find("event: completed\n"), std::string::npos);
  EXPECT_NE(rest.find(R"("result":{"n":1})"), std::string::npos);
  EXPECT_TRUE(rest.ends_with("\r\n0\r\n\r\n")) << rest;
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  const TestServer server;
  TestClient client(server);
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n"
      "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_line(client.read_response()), "HTTP/1.1 200 OK");
  EXPECT_EQ(status_line(client.read_response()), "HTTP/1.1 404 Not Found");
  const std::string last = client.read_all();
  EXPECT_EQ(status_line(last), "HTTP/1.1 200 OK");
  EXPECT_NE(last.find("Connection: close"), std::string::npos);
}

TEST(Server, PipelinedRequestsStayInOrderThoughTheirAnswersFillTheSocket) {
  Config config;
  config.job_threads = 1;
  const TestServer server(config);
  TestClient client(server);
  const std::string result(200'000, 'r');
  for (const std::string_view id : {"a", "b", "c", "d"}) {
    client.request("POST", "/v1/jobs",
                   fmt::format(R"({{"id":"{}","total":1,"stepMs":1,"result":"{}"}})", id, result));
  }
  TestClient reader(server);
  reader.send(follow("/v1/events?all=true"));
  for (int i = 0; i < 4; ++i) reader.read_until("\"state\":\"completed\"");
  // More answers than any socket holds, unread while more and more requests arrive.
  std::string all;
  constexpr int kRequests = 400;
  for (int i = 0; i < kRequests; ++i) {
    all += fmt::format("GET /v1/jobs/{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       std::string(1, "abcd"[i % 4]));
  }
  std::thread sender([&] { client.send(all); });
  sender.join();
  client.shut_write();
  for (int i = 0; i < kRequests; ++i) {
    const std::string response = client.read_response();
    ASSERT_NE(response.find(fmt::format("{{\"id\":\"{}\"", "abcd"[i % 4])), std::string::npos) << i;
  }
  EXPECT_EQ(client.read_all(), "");
}

TEST(Server, OneClientThatNeverStopsSendingDoesNotKeepTheOthersWaiting) {
  const TestServer server;
  std::atomic<bool> enough = false;
  std::string body;
  while (body.size() < 100'000) body += "{\"job\":\"nobody\",\"done\":1}\n";
  const std::string request = fmt::format(
      "POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
      "Content-Length: {}\r\n\r\n{}",
      body.size(), body);
  TestClient greedy(server);
  std::thread sender([&] {
    while (!enough) greedy.send(request);
  });
  std::thread reader([&] { greedy.read_all(); });
  TestClient modest(server);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status_line(modest.request("GET", "/healthz")), "HTTP/1.1 200 OK");
  }
  enough = true;
  sender.join();
  greedy.shut_write();
  reader.join();
}

TEST(Server, AStreamBehindPipelinedRequestsBeginsAfterTheirAnswers) {
  const TestServer server;
  TestClient client(server);
  client.request("POST", "/v1/jobs", kExternal);
  client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + follow("/v1/jobs/j/events"));
  EXPECT_NE(client.read_response().find("\"ok\""), std::string::npos);
  EXPECT_NE(client.read_until("\r\n\r\n").find("text/event-stream"), std::string::npos);
}

TEST(Server, AClientThatWaitsFor100IsToldToGoOn) {
  const TestServer server;
  TestClient client(server);
  client.send(
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("{}");
  EXPECT_EQ(status_line(client.read_response()), "HTTP/1.1 201 Created");
}

TEST(Server, AnHttp10ReaderGetsBareBytesUntilClose) {
  const TestServer server;
  TestClient client(server);
  client.request("POST", "/v1/jobs", R"({"id":"j","total":1,"stepMs":1})");
  TestClient reader(server);
  reader.send("GET /v1/jobs/j/events HTTP/1.0\r\n\r\n");
  const std::string all = reader.read_all();
  EXPECT_EQ(all.find("Transfer-Encoding"), std::string::npos);
  EXPECT_NE(all.find("\r\n\r\nretry: "), std::string::npos);
  EXPECT_TRUE(all.ends_with("\n\n"));
}

TEST(Server, ACutStreamResumesWithoutAGapOrADuplicate) {
  const TestServer server;
  TestClient worker(server);
  worker.request("POST", "/v1/jobs", kExternal);
  std::string id;
  {
    TestClient reader(server);
    reader.send(follow("/v1/jobs/j/events"));
    reader.read_until("id: ");
    id = reader.read_until("\n");
    id.pop_back();
  }
  worker.request("PATCH", "/v1/jobs/j", R"({"done":1})");
  worker.request("PATCH", "/v1/jobs/j", R"({"done":2})");
  TestClient again(server);
  again.send(follow("/v1/jobs/j/events", "Last-Event-ID: " + id + "\r\n"));
  again.read_until("retry: ");
  again.read_until("event: progress\n");
  EXPECT_NE(again.read_until("\n\n").find("\"done\":1"), std::string::npos);
  EXPECT_NE(again.read_until("\n\n").find("\"done\":2"), std::string::npos);
  TestClient lost(server);
  lost.send(follow("/v1/jobs/j/events", "Last-Event-ID: what\r\n"));
  EXPECT_NE(lost.read_until("event: snapshot").find("event: gap\ndata: {\"lastEventId\":\"what\"}"),
            std::string::npos);
}

TEST(Server, CpuJobsRunToTheirEndAndCancelledOnesStop) {
  Config config;
  config.job_threads = 2;
  const TestServer server(config);
  TestClient client(server);
  client.request("POST", "/v1/jobs", R"({"id":"a","runner":"cpu","total":3,"stepWork":1})");
  client.request("POST", "/v1/jobs", R"({"id":"b","runner":"cpu","total":1000,"stepWork":1000})");
  TestClient reader(server);
  reader.send(follow("/v1/jobs/a/events"));
  EXPECT_NE(reader.read_all().find("\"state\":\"completed\""), std::string::npos);
  EXPECT_EQ(status_line(client.request("POST", "/v1/jobs/b/cancel")), "HTTP/1.1 202 Accepted");
  EXPECT_EQ(status_line(client.request("POST", "/v1/jobs/b/cancel")), "HTTP/1.1 409 Conflict");
}

TEST(Server, ManyJobsThatNobodyReportsOnStallAllInTime) {
  const TestServer server;
  TestClient client(server);
  TestClient reader(server);
  reader.send(follow("/v1/events?all=true"));
  reader.read_until("retry: ");
  for (int i = 0; i < 100; ++i) {
    client.request("POST", "/v1/jobs", R"({"runner":"external","stallAfterMs":3000})");
  }
  using Seconds = std::chrono::duration<double>;
  const auto begun = std::chrono::steady_clock::now();
  reader.read_until("event: failed\n");
  const Seconds first = std::chrono::steady_clock::now() - begun;
  for (int i = 1; i < 100; ++i) reader.read_until("event: failed\n");
  // A job that missed its moment would take twice as long as the first.
  EXPECT_LT(Seconds(std::chrono::steady_clock::now() - begun) / first, 1.8);
}

TEST(Server, AnExternalJobThatNobodyReportsOnStalls) {
  const TestServer server;
  TestClient client(server);
  client.request("POST", "/v1/jobs", R"({"id":"s","runner":"external","stallAfterMs":20})");
  TestClient reader(server);
  reader.send(follow("/v1/jobs/s/events"));
  EXPECT_NE(reader.read_all().find(R"("failedReason":"stalled")"), std::string::npos);
}

TEST(Server, AFinishedJobIsForgottenAfterItsTime) {
  Config config;
  config.retain_finished_ms = 1;
  const TestServer server(config);
  TestClient reader(server);
  TestClient client(server);
  reader.send(follow("/v1/events?all=true"));
  reader.read_until("retry: ");
  client.request("POST", "/v1/jobs", R"({"id":"f","total":1,"stepMs":1})");
  reader.read_until("event: removed\n");
  EXPECT_EQ(status_line(client.request("GET", "/v1/jobs/f")), "HTTP/1.1 404 Not Found");
}

TEST(Server, MoreConnectionsThanTheLimitAreToldSo) {
  Config config;
  config.connections_max = 2;
  const TestServer server(config);
  TestClient a(server);
  TestClient b(server);
  a.request("GET", "/healthz");
  b.request("GET", "/healthz");
  TestClient c(server);
  const std::string refused = c.request("GET", "/healthz");
  EXPECT_EQ(status_line(refused), "HTTP/1.1 503 Service Unavailable");
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
}

TEST(Server, ALimitOfZeroIsNoLimit) {
  Config config;
  config.http.header_timeout_ms = config.http.body_timeout_ms = config.http.idle_timeout_ms = 0;
  config.http.limits = {0, 0, 0, 0};
  config.streams.outbox_bytes_max = 0;
  config.jobs.jobs_max = 0;
  const TestServer server(config);
  TestClient client(server);
  EXPECT_EQ(status_line(client.request("POST", "/v1/jobs", "{}")), "HTTP/1.1 201 Created");
  EXPECT_EQ(status_line(client.request("GET", "/v1/jobs")), "HTTP/1.1 200 OK");
}

TEST(Server, AJobThatWasRemovedIsToldOnceHoweverOftenItIsNamed) {
  const TestServer server;
  TestClient client(server);
  client.request("POST", "/v1/jobs", kExternal);
  const std::string job = client.request("GET", "/v1/jobs/j");
  const std::size_t at = job.find("eventId\":\"") + 10;
  const std::string id = job.substr(at, job.find('"', at) - at);
  client.request("POST", "/v1/jobs", R"({"id":"k","runner":"external"})");
  client.request("DELETE", "/v1/jobs/j");
  TestClient reader(server);
  reader.send(follow("/v1/events?job=j&job=j&job=k", "Last-Event-ID: " + id + "\r\n"));
  reader.read_until("event: removed\n");
  client.request("PATCH", "/v1/jobs/k", R"({"done":1})");
  EXPECT_EQ(reader.read_until("event: progress\n").find("event: removed"), std::string::npos);
  TestClient late(server);
  late.send(follow("/v1/events?job=j", "Last-Event-ID: unknown\r\n"));
  EXPECT_EQ(status_line(late.read_response()), "HTTP/1.1 404 Not Found");
}

TEST(Server, WhatIsEchoedIsUtf8WhateverWasSent) {
  const TestServer server;
  TestClient client(server);
  const std::string refused = client.request("GET", "/v1/events?job=%ff");
  EXPECT_EQ(status_line(refused), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(refused.find('\xff'), std::string::npos);
  EXPECT_NE(refused.find("\xef\xbf\xbd"), std::string::npos);
}

TEST(Server, APeerThatIsGoneWithoutAWordIsNoticedByTheKernel) {
  TestServer server;
  TestClient client(server);
  ASSERT_EQ(status_line(client.request("GET", "/healthz")), "HTTP/1.1 200 OK");
  // The server's end of it, which inherited what its listener was given.
  unsigned timeout_ms = 0;
  for (int fd = 0; fd < 1'024; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (ntohs(peer.sin_port) != client.port()) continue;
    size = sizeof timeout_ms;
    ASSERT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &size), 0);
  }
  EXPECT_EQ(timeout_ms, 60'000U);
}

TEST(Server, AStrangersRequestThatHasABodyIsAnsweredTheSameHoweverItIsSplit) {
  const testing::TempFolder folder;
  Config config;
  config.access.keys =
      *KeySet::open(KeyFileKind::kSecret, folder.write("secret", std::string(32, 's')));
  TestServer server(config);
  const std::string head =
      "POST /none-such HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n";
  TestClient at_once(server), in_parts(server);
  at_once.send(head + "null" + follow("/healthz"));
  in_parts.send(head);
  const std::string whole = at_once.read_all(), split = in_parts.read_all();
  EXPECT_EQ(status_line(whole), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(whole.find("HTTP/1.1", 1), std::string::npos) << "one answer, and the end";
  EXPECT_EQ(whole.size(), split.size());
}

TEST(Server, ASlowHeaderIsTimedOut) {
  Config config;
  config.http.header_timeout_ms = 100;
  const TestServer server(config);
  TestClient client(server);
  client.send("GET / HT");
  EXPECT_EQ(status_line(client.read_all()), "HTTP/1.1 408 Request Timeout");
}

TEST(Server, ClientsThatVanishAnywhereLeaveNothing) {
  const TestServer server;
  const std::string request =
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 2\r\n\r\n{}" +
      follow("/v1/events?all=true");
  for (std::size_t length = 0; length <= request.size(); length += 7) {
    TestClient client(server);
    client.send(std::string_view(request).substr(0, length));
  }
  TestClient witness(server);
  for (;;) {  // until the last of them was noticed
    const std::string stats = witness.request("GET", "/v1/stats");
    if (stats.find("\"connections\":1,\"streams\":0") != std::string::npos) break;
    ASSERT_FALSE(stats.empty());
  }
}

}  // namespace
}  // namespace progressd
