// The heads of streams, and the date in all heads: made once a second, for whoever asks in it.
// Thread: the loop's.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/stream/sse.h"
#include "net/access/gate.h"
#include "net/http/request.h"

namespace progressd {

class StreamHeads {
 public:
  StreamHeads(const Clock& clock, const Gate& gate) : clock_(clock), gate_(gate) {}

  /// As `Date:` says it. Good until the next call.
  std::string_view date();
  /// With gzip's header behind it, where that is what follows. `varies`: see append_stream_head().
  FrameRef stream_head(const Request& request, Framing framing, bool varies);
  /// What the gate says may be another now.
  void forget() { heads_ = {}; }

 private:
  const Clock& clock_;
  const Gate& gate_;
  Millis date_at_ = -1;  // in seconds
  std::string date_;
  std::array<FrameRef, kFramings> heads_;  // of this second, by framing
  std::string_view head_lines_;            // of the gate, that they carry
};

}  // namespace progressd
