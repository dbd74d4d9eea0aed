#include "core/stream/sse.h"

#include "core/base/append.h"
#include "core/base/digits.h"
#include "core/base/ensure.h"

namespace progressd {

void append_sse(std::string_view name, std::string_view id, std::string_view json,
                std::string& out) {
  if (!name.empty()) append_all(out, "event: ", name, "\n");
  if (!id.empty()) append_all(out, "id: ", id, "\n");
  append_all(out, "data: ", json, "\n\n");
}

void append_sse_retry(Millis retry, std::string& out) {
  out.append("retry: ").append(Digits(retry).view()).append("\n\n");
}

FrameRef make_frame(Framing framing, std::string_view payload, const FrameRef::About& about) {
  if (framing != Framing::kChunked) return FrameRef({payload}, about);
  ENSURE(!payload.empty());  // an empty chunk would end the response
  return FrameRef({Digits(payload.size(), 16).view(), "\r\n", payload, "\r\n"}, about);
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
