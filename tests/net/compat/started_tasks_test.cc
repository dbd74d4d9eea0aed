// How long a started task is kept that nobody follows; what its followers see is a system test's.
#include "net/compat/started_tasks.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/net/testing.h"

namespace progressd {
namespace {

using std::chrono::steady_clock;

Config kept_for(Millis keep_told_tasks_ms) {
  Config config;
  config.demo_jobs.duration_ms = 1;
  config.keep_told_tasks_ms = keep_told_tasks_ms;
  return config;
}

std::string start_task(TestClient& client) {
  const std::string response = client.request("POST", "/start-task");
  EXPECT_EQ(status_line(response), "HTTP/1.1 200 OK");
  const std::size_t at = response.find("\"task_id\":\"") + 11;
  return response.substr(at, response.find('"', at) - at);
}

/// A client that sees every event of every job.
void watch_all(TestClient& client) {
  client.send("GET /v1/events?all=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.read_until("retry: ");
}

TEST(StartedTasks, OneThatNobodyFollowsIsRemovedAfterItsTime) {
  const TestServer server(kept_for(200));
  TestClient all(server);
  watch_all(all);
  TestClient client(server);
  const steady_clock::time_point begun = steady_clock::now();
  const std::string id = start_task(client);
  all.read_until("event: completed\n");
  all.read_until("event: removed\n");
  EXPECT_GE(steady_clock::now() - begun, std::chrono::milliseconds(200));
  EXPECT_EQ(status_line(client.request("GET", "/task-progress/" + id)), "HTTP/1.1 404 Not Found");
}

TEST(StartedTasks, EachOfManyIsRemovedAfterItsOwnTime) {
  const TestServer server(kept_for(30));
  TestClient all(server);
  watch_all(all);
  TestClient client(server);
  constexpr int kTasks = 20;
  for (int i = 0; i < kTasks; ++i) {
    start_task(client);
    if (i % 5 == 4) all.read_until("event: removed\n");  // some are gone when the others begin
  }
  for (int i = kTasks / 5; i < kTasks; ++i) {
    EXPECT_NE(all.read_until("event: removed\n").find("event: removed"), std::string::npos) << i;
  }
}

TEST(StartedTasks, OneThatWasTakenAwayMeanwhileIsNobodysAnyMore) {
  // So long that it is still there when it is taken away, on a slow machine too.
  const TestServer server(kept_for(2'000));
  TestClient all(server);
  watch_all(all);
  TestClient client(server);
  const std::string id = start_task(client);
  all.read_until("event: completed\n");
  EXPECT_EQ(status_line(client.request("DELETE", "/v1/jobs/" + id)), "HTTP/1.1 204 No Content");
  all.read_until("event: removed\n");
  // Another job of that id is not the task, and stays when the task's time has come.
  client.request("POST", "/v1/jobs", "{\"id\":\"" + id + "\",\"total\":1,\"stepMs\":1}");
  all.read_until("event: completed\n");
  start_task(client);
  all.read_until("event: removed\n");
  EXPECT_EQ(status_line(client.request("GET", "/v1/jobs/" + id)), "HTTP/1.1 200 OK");
}

}  // namespace
}  // namespace progressd
