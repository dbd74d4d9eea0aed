// A server that still reads its journal: it listens, and says that it is not ready.
#include <gtest/gtest.h>

#include "core/journal/change_codec.h"
#include "core/journal/sqlite.h"
#include "net/system.h"
#include "tests/net/journal/held_disk.h"
#include "tests/net/testing.h"

namespace progressd {
namespace {

/// Channels' objects, more than SQLite keeps in its memory.
void fill(SqliteJournal& journal) {
  for (int i = 0; i < 40; ++i) {
    Change post = make_change(ChangeKind::kChannelPost, "user-" + std::to_string(i), 1);
    post.value = ChannelValue{Text("\"" + std::string(200'000, 'x') + "\""), ""};
    ChangeBlock block;
    block.add(post);
    JournalBatch batch;
    batch.changes = 1;
    batch.block = block.take();
    ASSERT_TRUE(journal.append(batch));
  }
}

TEST(Starting, UntilTheJournalIsReadOnlyProbesAreAnswered) {
  testing::HeldDisk held;
  SystemRandom random;
  const SqliteSettings settings{.path = "journal", .vfs = held.disk.vfs()};
  {
    const auto engine = SqliteJournal::open(settings, random);
    ASSERT_TRUE(engine);
    fill(**engine);
  }
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
    while (status_line(client.request("GET", "/readyz")) != "HTTP/1.1 200 OK") {
    }
    const std::string kept = client.request("GET", "/api/v1/sse/progress/status/user-39");
    EXPECT_GT(kept.size(), 200'000u);
    EXPECT_EQ(status_line(client.request("POST", "/v1/jobs", "{}")), "HTTP/1.1 201 Created");
  }
}

}  // namespace
}  // namespace progressd
