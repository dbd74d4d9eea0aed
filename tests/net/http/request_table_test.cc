// The tables of requests against the connection code, over real sockets, and against the parser
// alone, whose verdict must not depend on where the bytes are cut.
#include "tests/net/http/request_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "net/http/parser.h"
#include "tests/net/testing.h"

namespace progressd {
namespace {

using testing::read_table;
using testing::TableRow;

constexpr std::string_view kSmuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::vector<TableRow> all_rows() {
  std::vector<TableRow> rows = read_table("requests.table");
  const std::vector<TableRow> advisories = read_table("advisories.table");
  rows.insert(rows.end(), advisories.begin(), advisories.end());
  return rows;
}

/// What goes over the connection in all.
std::string conversation(const TableRow& row) { return row.bytes + std::string(kSmuggled); }

/// The statuses of all answers until the server closes.
std::string answers_to(const TestServer& server, const std::string& bytes) {
  TestClient client(server);
  client.send(bytes);
  client.shut_write();
  std::string statuses;
  for (std::string response = client.read_response(); !response.empty();
       response = client.read_response()) {
    if (!statuses.empty()) statuses += ' ';
    statuses += response.substr(std::string_view("HTTP/1.1 ").size(), 3);
  }
  return statuses;
}

TEST(RequestTable, EachRowIsAnsweredAsItSays) {
  const TestServer server;
  const std::vector<TableRow> rows = all_rows();
  ASSERT_GT(rows.size(), 150U);
  for (const TableRow& row : rows) {
    EXPECT_EQ(answers_to(server, conversation(row)), row.answers) << row.name;
  }
}

/// What the parser makes of the bytes: a letter for each request, and the status of a refusal.
std::string verdict(std::string_view bytes, std::size_t first_cut, std::size_t step) {
  const HttpLimits limits;
  RequestParser parser(limits);
  std::string told;
  for (std::size_t at = 0, size = first_cut; at < bytes.size(); at += size, size = step) {
    size = std::min(size, bytes.size() - at);
    const std::string part(
        bytes.substr(at, size));  // of its own, so that no neighbour is looked at
    for (std::string_view rest = part; !rest.empty();) {
      rest.remove_prefix(parser.feed(rest));
      if (parser.stage() == RequestParser::Stage::kFailed) {
        return told + std::to_string(parser.error_status());
      }
      if (parser.stage() != RequestParser::Stage::kComplete) continue;
      told += 'R';
      parser.next();
    }
  }
  return told;
}

TEST(RequestTable, WhereTheBytesAreCutChangesNothing) {
  constexpr std::size_t kCutsMax = 300;  // of long rows the beginning, where it matters
  for (const TableRow& row : all_rows()) {
    const std::string bytes = conversation(row);
    const std::string whole = verdict(bytes, bytes.size(), bytes.size());
    EXPECT_EQ(verdict(bytes, 1, 1), whole) << row.name << ", byte by byte";
    for (std::size_t cut = 1; cut < std::min(bytes.size(), kCutsMax); ++cut) {
      ASSERT_EQ(verdict(bytes, cut, bytes.size()), whole) << row.name << ", cut at " << cut;
    }
  }
}

TEST(RequestTable, NamesEachAdvisory) {
  for (const TableRow& row : read_table("advisories.table")) {
    EXPECT_TRUE(row.name.starts_with("CVE-")) << row.name;
    EXPECT_TRUE(row.answers == "400" || row.answers == "431") << row.name;
  }
}

}  // namespace
}  // namespace progressd
