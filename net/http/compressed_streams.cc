#include "net/http/compressed_streams.h"

#include <string>
#include <tuple>
#include <utility>

#include "core/base/digits.h"

namespace progressd {
namespace {

/// An opening of so many frames is the usual one: `retry:`, what a dialect says, a latest value.
constexpr std::size_t kFramesUsual = 4;
/// Of plain bytes: a decoder has something to give out before a long opening is all there.
constexpr std::size_t kBlockBytesMax = 64 * 1024;

}  // namespace

FrameRef CompressedStreams::make(Framing framing, const FrameRef::About& about) {
  const Deflater::Block block = deflater_.block(parts_);
  if (about.events > 0) {
    ++counters_.blocks;
    counters_.events += about.events;
    counters_.bytes_in += block.sum.length;
    counters_.bytes_out += block.bytes.size();
  }
  if (!is_chunked(framing)) return FrameRef({block.bytes}, about, block.sum);
  return FrameRef({Digits(block.bytes.size(), 16).view(), "\r\n", block.bytes, "\r\n"}, about,
                  block.sum);
}

FrameRef CompressedStreams::block(Framing framing, std::span<const FrameRef> frames) {
  // Several together can't be superseded any more: they are about nobody.
  FrameRef::About about;
  if (frames.size() == 1) about = frames.front().about();
  about.events = 0;
  parts_.clear();
  for (const FrameRef& frame : frames) {
    parts_.push_back(frame.bytes());
    if (frame.events() == 0) continue;
    about.sequence = frame.about().sequence;
    about.events += frame.events();
  }
  return make(framing, about);
}

FrameRef CompressedStreams::block(Framing framing, std::string_view text) {
  parts_.assign(1, text);
  return make(framing, {.events = 0});
}

FrameRef CompressedStreams::latest(Framing framing, const FrameRef& frame) {
  if (!latest_bare_.is_same(frame)) {
    latest_bare_ = frame;
    latest_ = {};
  }
  FrameRef& made = latest_.at(static_cast<std::size_t>(framing));
  if (made.is_null()) made = block(framing, {&frame, 1});
  return made;
}

void CompressedStreams::compress_opening(Framing framing, std::vector<FrameRef>& frames) {
  if (frames.size() <= kFramesUsual) {
    for (FrameRef& frame : frames) {
      frame = frame.events() == 0 ? block(framing, {&frame, 1}) : latest(framing, frame);
    }
    return;
  }
  std::vector<FrameRef> blocks;
  std::size_t bytes = 0;
  std::size_t from = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    bytes += frames[i].bytes().size();
    if (bytes < kBlockBytesMax && i + 1 < frames.size()) continue;
    blocks.push_back(block(framing, std::span(frames).subspan(from, i + 1 - from)));
    from = i + 1;
    bytes = 0;
  }
  frames = std::move(blocks);
}

void CompressedStreams::begin(std::uint32_t slot) {
  if (chunks_.size() <= slot / kChunk) chunks_.resize(slot / kChunk + 1);
  std::unique_ptr<Chunk>& chunk = chunks_[slot / kChunk];
  if (chunk == nullptr) chunk = std::make_unique<Chunk>();
  sum(slot) = {};
  ++counters_.open;
}

FrameRef CompressedStreams::last_frame(Framing framing, const GzipSum& sum) {
  const std::string trailer = gzip_trailer(sum);
  if (!is_chunked(framing)) return FrameRef(trailer);
  return FrameRef({Digits(trailer.size(), 16).view(), "\r\n", trailer, "\r\n0\r\n\r\n"}, {});
}

}  // namespace progressd
