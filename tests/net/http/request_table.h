// Reads requests.table and advisories.table. Their form is described in the first.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace progressd::testing {

struct TableRow {
  std::string answers;  // statuses, with a space between them
  std::string name;
  std::string bytes;
};

inline std::string unescaped(std::string_view text) {
  static const std::vector<std::pair<std::string_view, std::string_view>> kLines{
      {"{host}", "Host: localhost\r\n"},
      {"{json}", "Content-Type: application/json\r\n"},
      {"{chunked}", "Transfer-Encoding: chunked\r\n"},
      {"\\r", "\r"},
      {"\\n", "\n"},
      {"\\t", "\t"},
      {"\\0", std::string_view("\0", 1)}};
  std::string bytes;
  while (!text.empty()) {
    bool is_known = false;
    for (const auto& [name, meant] : kLines) {
      if (!text.starts_with(name)) continue;
      bytes += meant;
      text.remove_prefix(name.size());
      is_known = true;
      break;
    }
    if (is_known) continue;
    if (text.starts_with("\\x")) {
      bytes += static_cast<char>(std::stoi(std::string(text.substr(2, 2)), nullptr, 16));
      text.remove_prefix(4);
    } else if (text.size() > 2 && text[0] == '{' && text[2] == '*') {  // {a*9000}
      const std::string_view count = text.substr(3, text.find('}') - 3);
      bytes.append(std::stoul(std::string(count)), text[1]);
      text.remove_prefix(count.size() + 4);
    } else {
      bytes += text.front();
      text.remove_prefix(1);
    }
  }
  return bytes;
}

inline std::vector<TableRow> read_table(const std::string& file) {
  std::vector<TableRow> rows;
  std::ifstream table(std::string(PROGRESSD_TEST_FOLDER "/net/http/") + file);
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line.starts_with("# ") || line == "#") continue;
    const std::size_t first = line.find(" | ");
    const std::size_t second = line.find(" | ", first + 3);
    const auto column = [&](std::size_t from, std::size_t to) {
      const std::string text = line.substr(from, to - from);
      return text.substr(0, text.find_last_not_of(' ') + 1);
    };
    rows.push_back(
        {column(0, first), column(first + 3, second), unescaped(line.substr(second + 3))});
  }
  return rows;
}

}  // namespace progressd::testing
