// Why: one reported line as the bytes that go to a subscriber. The event has the fields that
//      progressd's progress event has, so that both send about as many bytes:
//
//        A5\r\n                                            one chunk
//        event: progress\n
//        id: f1008e00-17\n
//        data: {"job":"job-5","done":3,"message":"…"       the line, up to its last brace
//               ,"kind":null,"state":"active",…}\n\n\r\n   canned
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace floor_server {

constexpr std::string_view kEventName = "event: progress\nid: f1008e00-";
constexpr std::string_view kData = "\ndata: ";
constexpr std::string_view kRest =
    ",\"kind\":null,\"runner\":null,\"state\":\"active\",\"total\":9007199254740991,\"percent\":0,"
    "\"ratePerSecond\":1090.91,\"etaSeconds\":2000000000}\n\n";

/// Appends the event for `line`, a JSON object.
inline void append_event(std::string& out, std::uint64_t id, std::string_view line) {
  if (!line.empty() && line.back() == '}') line.remove_suffix(1);
  char digits[20];
  const auto id_end = std::to_chars(digits, digits + sizeof digits, id).ptr;
  const std::string_view id_text(digits, static_cast<std::size_t>(id_end - digits));
  const std::size_t event_bytes =
      kEventName.size() + id_text.size() + kData.size() + line.size() + kRest.size();
  char size[16];
  const auto size_end = std::to_chars(size, size + sizeof size, event_bytes, 16).ptr;
  out.append(size, size_end).append("\r\n");
  out.append(kEventName).append(id_text).append(kData).append(line).append(kRest);
  out.append("\r\n");
}

}  // namespace floor_server
