#include "core/stream/sse.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "core/base/ensure.h"

namespace progressd {

void append_sse(std::string_view name, std::string_view id, std::string_view json,
                std::string& out) {
  if (!name.empty()) out.append("event: ").append(name).append("\n");
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append("data: ").append(json).append("\n\n");
}

void append_sse_retry(Millis retry, std::string& out) {
  fmt::format_to(std::back_inserter(out), "retry: {}\n\n", retry);
}

FrameRef make_frame(Framing framing, std::string_view payload, const FrameRef::About& about) {
  if (framing == Framing::kUntilClose) return FrameRef({payload}, about);
  ENSURE(!payload.empty());  // an empty chunk would end the response
  std::array<char, 24> head;
  const auto end = fmt::format_to(head.data(), "{:x}\r\n", payload.size());
  const std::string_view size(head.data(), static_cast<std::size_t>(end - head.data()));
  return FrameRef({size, payload, "\r\n"}, about);
}

FrameRef FrameEncoder::encode(const Dialect& dialect, Framing framing, const Topic& topic,
                              const Event& event) {
  payload_.clear();
  if (!dialect.encode(topic.subject(), event, payload_)) return {};
  return make_frame(
      framing, payload_,
      {topic.id(), event.sequence, event.conflatable(), event.type == EventType::kProgress});
}

}  // namespace progressd
