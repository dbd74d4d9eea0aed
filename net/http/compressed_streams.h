// What compressed streams have that plain ones have not: frames made of gzip's blocks, each
// compressed once for all its readers, and for each stream the sum of what its reader was sent, for
// the trailer at its end. It costs a plain stream nothing.
//
// What is written together is one block: the events of a turn of the loop for those who take them
// at once, a piece of a long opening. What waits for a slow reader is a block an event, since any
// of them may still be superseded.
//
// Thread: the loop's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/stream/gzip.h"
#include "core/stream/sse.h"

namespace progressd {

struct CompressionCounters {
  std::uint64_t open = 0;  // streams
  // Of events that were compressed, once for all their readers:
  std::uint64_t events = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class CompressedStreams {
 public:
  /// The frames, which are bare, as one block that stands as `framing` says.
  FrameRef block(Framing framing, std::span<const FrameRef> frames);
  /// Bytes that are no event.
  FrameRef block(Framing framing, std::string_view text);
  /// What a stream begins with, in place: a block each where they are few, and others may begin
  /// with the same; else as few blocks as there can be.
  void compress_opening(Framing framing, std::vector<FrameRef>& frames);

  void begin(std::uint32_t slot);
  void end() { --counters_.open; }
  GzipSum& sum(std::uint32_t slot) { return (*chunks_[slot / kChunk])[slot % kChunk]; }
  /// What ends a stream of that sum: gzip's trailer, and the last chunk.
  static FrameRef last_frame(Framing framing, const GzipSum& sum);

  const CompressionCounters& counters() const { return counters_; }

 private:
  using Chunk = std::array<GzipSum, 256>;
  static constexpr std::size_t kChunk = std::tuple_size_v<Chunk>;

  FrameRef latest(Framing framing, const FrameRef& frame);
  FrameRef make(Framing framing, const FrameRef::About& about);

  Deflater deflater_;
  std::vector<std::string_view> parts_;         // a buffer, no state
  std::vector<std::unique_ptr<Chunk>> chunks_;  // by slot; null where no stream was compressed
  // Many readers of one topic often come at once: the last one made is kept for the next of them.
  FrameRef latest_bare_;
  std::array<FrameRef, kFramings> latest_;
  CompressionCounters counters_;
};

}  // namespace progressd
