#include "net/http/stream_heads.h"

#include "net/http/response.h"

namespace progressd {

std::string_view StreamHeads::date() {
  const Millis second = clock_.wall_at() / 1000;
  if (second != date_at_) {
    date_at_ = second;
    date_ = imf_fixdate(second);
    heads_ = {};
  }
  return date_;
}

FrameRef StreamHeads::stream_head(const Request& request, Framing framing, bool varies) {
  // Those who are told the same share one, for as long as its date is right.
  const std::string_view today = date();
  const std::string_view lines = gate_.header_lines(request);
  if (lines.data() != head_lines_.data()) heads_ = {};
  head_lines_ = lines;
  FrameRef& head = heads_.at(static_cast<std::size_t>(framing));
  if (head.is_null()) {
    std::string text;
    append_stream_head(framing, varies, today, lines, text);
    if (is_compressed(framing)) {
      const Framing outer = is_chunked(framing) ? Framing::kChunked : Framing::kUntilClose;
      text.append(make_frame(outer, kGzipHeader, {}).bytes());
    }
    head = FrameRef(text);
  }
  return head;
}

}  // namespace progressd
