#include "tests/fuzz/support/answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/ensure.h"
#include "core/base/json_read.h"
#include "tests/core/stream/gzip_reader.h"

namespace progressd::fuzz {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// Takes a line off, without its end; none when it is not whole.
std::optional<std::string_view> take_line(std::string_view& bytes) {
  const std::size_t at = bytes.find(kLineEnd);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view line = bytes.substr(0, at);
  bytes.remove_prefix(at + kLineEnd.size());
  ENSURE(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  return line;
}

std::size_t number_of(std::string_view text, int base) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  ENSURE(error == std::errc() && end == text.data() + text.size());
  return number;
}

/// Header fields that say how the body stands.
struct Head {
  int status = 0;
  std::optional<std::size_t> length;
  bool chunked = false;
  bool closes = false;
  bool gzip = false;
  bool varies = false;
  std::string_view type;
};

void read_field(std::string_view line, Head& head) {
  const std::size_t colon = line.find(": ");
  ENSURE(colon != std::string_view::npos && colon > 0);
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = line.substr(colon + 2);
  const auto is_token = [](char c) {
    return c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  ENSURE(std::all_of(name.begin(), name.end(), is_token));
  ENSURE(std::all_of(value.begin(), value.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; }));
  if (name == "Content-Length") {
    ENSURE(!head.length && !head.chunked);
    head.length = number_of(value, 10);
  } else if (name == "Transfer-Encoding") {
    ENSURE(!head.length && !head.chunked && value == "chunked");
    head.chunked = true;
  } else if (name == "Connection") {
    ENSURE(value == "close" || value == "keep-alive");
    head.closes = value == "close";
  } else if (name == "Content-Encoding") {
    ENSURE(value == "gzip" && !head.gzip);
    head.gzip = true;
  } else if (name == "Vary") {
    head.varies = head.varies || value.find("Accept-Encoding") != std::string_view::npos;
  } else if (name == "Content-Type") {
    ENSURE(head.type.empty());
    head.type = value;
  }
}

/// None when the head is not whole.
std::optional<Head> take_head(std::string_view& bytes) {
  const std::optional<std::string_view> line = take_line(bytes);
  if (!line) return std::nullopt;
  ENSURE(line->starts_with("HTTP/1.1 ") && line->size() > 13 && line->at(12) == ' ');
  Head head;
  head.status = static_cast<int>(number_of(line->substr(9, 3), 10));
  ENSURE(head.status >= 100 && head.status <= 505);
  ENSURE(head.status != 500);  // no request is our fault
  for (;;) {
    const std::optional<std::string_view> field = take_line(bytes);
    if (!field) return std::nullopt;
    if (field->empty()) return head;
    read_field(*field, head);
  }
}

/// Takes chunks off; true when the last one was among them.
bool take_chunks(std::string_view& bytes, std::string& body) {
  for (;;) {
    std::string_view rest = bytes;
    const std::optional<std::string_view> size_line = take_line(rest);
    if (!size_line) return false;
    const std::size_t size = number_of(*size_line, 16);
    if (rest.size() < size + kLineEnd.size()) return false;
    ENSURE(rest.substr(size, kLineEnd.size()) == kLineEnd);
    body.append(rest.substr(0, size));
    bytes = rest.substr(size + kLineEnd.size());
    if (size == 0) return true;
  }
}

void check_json(std::string_view body) {
  static JsonReader reader;
  ENSURE(body.ends_with('\n'));
  if (body == "null\n") return;  // a channel's status before its first post
  ENSURE(
      reader.read_copied_object(body, [](std::string_view, JsonValue&) { return Result<void>(); })
          .has_value());
}

void check_body(const Head& head, const Answer& answer) {
  if (answer.body.empty() || !answer.whole) return;
  if (head.type == "application/json" || head.type == "application/problem+json") {
    check_json(answer.body);
  }
}

/// Takes the answer's body off; false when it is not whole.
bool take_body(const Head& head, bool is_head, std::string_view& bytes, Answer& answer) {
  if (is_head || head.status == 204 || head.status == 304) return true;
  if (head.chunked) return take_chunks(bytes, answer.body);
  const std::size_t size = head.length.value_or(bytes.size());
  answer.body.append(bytes.substr(0, size));
  bytes.remove_prefix(answer.body.size());
  return answer.body.size() == size && (head.length.has_value() || answer.closes);
}

/// The bytes of a stream as its client's decoder gives them out.
std::string inflated(std::string_view bytes, bool ended) {
  testing::GzipReader reader;
  std::string text = reader.feed(bytes);
  ENSURE(reader.is_good());
  if (ended) ENSURE(reader.is_over());
  return text;
}

}  // namespace

std::vector<Answer> read_answers(std::string_view bytes, const std::vector<Asked>& asked,
                                 bool closed) {
  std::vector<Answer> answers;
  bool interim = false;
  while (!bytes.empty()) {
    // Nothing comes after an answer that is the last, or that was cut off.
    ENSURE(answers.empty() || (answers.back().whole && !answers.back().closes));
    const std::optional<Head> head = take_head(bytes);
    if (!head) return answers;  // cut off
    if (head->status < 200) {
      ENSURE(head->status == 100 && !interim && !head->length && !head->chunked);
      interim = true;
      continue;
    }
    interim = false;
    const bool is_head = answers.size() < asked.size() && asked[answers.size()].is_head;
    Answer& answer = answers.emplace_back();
    answer.status = head->status;
    answer.closes = head->closes;
    answer.is_stream = head->type == "text/event-stream";
    // RFC 9112, section 6.3: how long it is must be told, or be told by the close.
    ENSURE(head->length || head->chunked || head->closes || head->status == 204 ||
           head->status == 304);
    answer.whole = take_body(*head, is_head, bytes, answer);
    if (head->gzip) {
      // Streams only, to clients that ask for it, and caches are told.
      ENSURE(answer.is_stream && head->varies);
      ENSURE(answers.size() <= asked.size() && asked[answers.size() - 1].takes_gzip);
      // Without chunks nothing but the trailer tells an end from a cut.
      if (!is_head) answer.body = inflated(answer.body, answer.whole && head->chunked);
    }
    if (answer.is_stream && !is_head) check_event_stream(answer.body);
    check_body(*head, answer);
    if (!answer.whole && !closed) ENSURE(answer.is_stream || !bytes.empty() || head->length);
    if (!answer.whole) return answers;
  }
  return answers;
}

void check_event_stream(std::string_view text) {
  constexpr std::array<std::string_view, 5> kFields{"retry: ", "event: ", "id: ", "data: ", ": "};
  bool has_data = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return;  // cut off
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.empty()) {
      has_data = false;
      continue;
    }
    ENSURE(line.find('\r') == std::string_view::npos);
    ENSURE(std::any_of(kFields.begin(), kFields.end(),
                       [&](std::string_view field) { return line.starts_with(field); }));
    if (line.starts_with("data: ")) ENSURE(!std::exchange(has_data, true));
  }
}

}  // namespace progressd::fuzz
