// A server that still reads its journal: it listens, and says that it is not ready.
#include <gtest/gtest.h>

#include "core/journal/change_codec.h"
#include "core/journal/sqlite.h"
#include "net/system.h"
#include "tests/core/journal/changes.h"
#include "tests/core/journal/durable_tables.h"
#include "tests/net/journal/held_disk.h"
#include "tests/net/testing.h"

namespace progressd {
namespace {

/// Makes a journal of channels' objects, more than SQLite keeps in its memory.
void fill(const SqliteSettings& settings) {
  SystemRandom random;
  const auto journal = SqliteJournal::open(settings, random);
  ASSERT_TRUE(journal);
  for (int i = 0; i < 40; ++i) {
    Change post = make_change(ChangeKind::kChannelPost, "user-" + std::to_string(i), 1);
    post.value = ChannelValue{Text("\"" + std::string(200'000, 'x') + "\""), ""};
    ChangeBlock block;
    block.add(post);
    JournalBatch batch;
    batch.changes = 1;
    batch.block = block.take();
    ASSERT_TRUE((*journal)->append(batch));
  }
}

void wait_until_ready(TestClient& client) {
  while (status_line(client.request("GET", "/readyz")) != "HTTP/1.1 200 OK") {
  }
}

void expect_filled(TestClient& client) {
  const std::string kept = client.request("GET", "/api/v1/sse/progress/status/user-39");
  EXPECT_GT(kept.size(), 200'000u);
}

TEST(Starting, UntilTheJournalIsReadOnlyProbesAreAnswered) {
  testing::HeldDisk held;
  const SqliteSettings settings{.path = "journal", .vfs = held.disk.vfs()};
  fill(settings);
  held.hold(true);  // it can't even be opened, let alone checked
  {
    const TestServer server(Config{}, settings);
    TestClient client(server);
    const std::string refused = client.request("GET", "/v1/jobs");
    EXPECT_EQ(status_line(refused), "HTTP/1.1 503 Service Unavailable");
    EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
    EXPECT_EQ(status_line(client.request("POST", "/v1/jobs", "{}")),
              "HTTP/1.1 503 Service Unavailable");
    EXPECT_EQ(status_line(client.request("GET", "/readyz")), "HTTP/1.1 503 Service Unavailable");
    EXPECT_EQ(status_line(client.request("GET", "/healthz")), "HTTP/1.1 200 OK");
    TestClient reader(server);
    reader.send(
        "GET /v1/jobs/a/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    EXPECT_EQ(reader.read_response(), "") << "an EventSource would not come back from a 503";
    held.hold(false);
    wait_until_ready(client);
    expect_filled(client);
    EXPECT_EQ(status_line(client.request("POST", "/v1/jobs", "{}")), "HTTP/1.1 201 Created");
  }
}

TEST(Starting, WhatIsReadGoesByLimitsThatCameMeanwhile) {
  testing::HeldDisk held;
  testing::Chance chance(1);
  const SqliteSettings settings{.path = "journal", .vfs = held.disk.vfs()};
  std::string early;
  {
    testing::DurableTables tables(settings, chance, /*log_bytes_min=*/1);
    const auto commit = [&](Change change) {
      tables.ledger.commit(std::move(change), [](const auto&) {});
      ASSERT_TRUE(tables.flush());
    };
    commit(testing::creation(testing::job_spec("a", Runner::kExternal, 100), testing::kSomeDay));
    for (int done = 1; done <= 10; ++done) {
      commit(testing::reporting("a", testing::report_done(done), testing::kSomeDay));
    }
    // Until the row says all, and what the log holds is of no job.
    for (int i = 0; i < 50; ++i) {
      commit(make_change(ChangeKind::kCancel, "nobody", testing::kSomeDay));
    }
    early = EventIds(tables.engine->epoch()).text(5);
  }
  const auto first_event = [&](TestServer& server) {
    TestClient client(server);
    wait_until_ready(client);
    client.send("GET /v1/jobs/a/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: " + early +
                "\r\n\r\n");
    client.read_until("event: ");
    return client.read_until("\n");
  };
  {
    TestServer server(Config{}, settings);
    EXPECT_EQ(first_event(server), "progress\n");
  }
  held.hold(true);
  TestServer server(Config{}, settings);
  server.run([](Server& running) {
    Config next;
    next.history.events_max = 3;
    next.listen = {"127.0.0.1:0"};
    complete_config(next, 2'000);
    running.reload(std::move(next));
  });
  held.hold(false);
  EXPECT_EQ(first_event(server), "gap\n");
}

TEST(Starting, EndsMeanwhileAndLeavesAllAsItWas) {
  testing::HeldDisk held;
  const SqliteSettings settings{.path = "journal", .vfs = held.disk.vfs()};
  fill(settings);
  const std::string before = held.disk.files["journal"]->bytes;
  held.hold(true);
  {
    // Told of its end while it reads, and the disk answers again after that.
    TestServer server(Config{}, settings);
    server.run([](Server& running) { running.begin_drain(); });
    held.hold(false);
  }
  EXPECT_EQ(held.disk.files["journal"]->bytes, before);
  const TestServer again(Config{}, settings);
  TestClient client(again);
  wait_until_ready(client);
  expect_filled(client);
}

}  // namespace
}  // namespace progressd
