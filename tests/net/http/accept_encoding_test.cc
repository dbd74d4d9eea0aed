#include "net/http/accept_encoding.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace progressd {
namespace {

TEST(AcceptEncoding, IsTakenAtItsWord) {
  struct Row {
    std::string_view field;
    bool gzip;
  };
  const std::vector<Row> rows{
      {"gzip", true},
      {"gzip, deflate, br, zstd", true},  // browsers
      {"deflate, gzip;q=1.0, *;q=0.5", true},
      {"GZip", true},
      {"x-gzip", true},
      {" gzip ; q=0.5 ", true},
      {"gzip;Q=0.001", true},
      {"br;q=1, gzip;q=0.2", true},
      {"*", true},
      {"*;q=0.1", true},
      {"br, *", true},
      {"identity;q=0.5, gzip", true},
      {"identity;q=0, gzip;q=0.1", true},
      {"gzip, identity", true},
      {"x-gzip;q=0, gzip", true},
      {",, gzip ,", true},
      {"", false},
      {"br", false},
      {"deflate, br;q=1", false},
      {"identity", false},
      {"gzip;q=0", false},
      {"gzip;q=0.0", false},
      {"gzip;q=0.000", false},
      {"*;q=0", false},
      {"gzip;q=0, *", false},
      {"*, gzip;q=0", false},
      {"identity, *;q=0.5", false},
      {"identity;q=1, gzip;q=0.5", false},
      {"gzip2", false},
      {"gzi", false},
      // What is no weight asks for nothing.
      {"gzip;q=", false},
      {"gzip;q=2", false},
      {"gzip;q=1.001", false},
      {"gzip;q=-1", false},
      {"gzip;q=0.1234", false},
      {"gzip;q=high", false},
      {"gzip;level=9", false},
      {"gzip q=1", false},
  };
  for (const Row& row : rows) EXPECT_EQ(prefers_gzip(row.field), row.gzip) << row.field;
}

TEST(Accept, NamesEventStreamsOrDoesNot) {
  for (const char* field :
       {"text/event-stream", "TEXT/Event-Stream", "a/b, text/event-stream ;q=1"}) {
    EXPECT_TRUE(names_event_streams(field)) << field;
  }
  for (const char* field :
       {"", "*/*", "text/*", "text/event-streams", "text/html;text/event-stream"}) {
    EXPECT_FALSE(names_event_streams(field)) << field;
  }
}

}  // namespace
}  // namespace progressd
