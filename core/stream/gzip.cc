#include "core/stream/gzip.h"

#include <zlib.h>

#include "core/base/ensure.h"

namespace progressd {
namespace {

/// Level 1: above it events get no smaller, and pieces of an opening by a tenth, at several times
/// the cost (bench/compress_bench). The hash table is cleared for each block, so it is a small one.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 6;
constexpr int kRawWindowBits = -15;  // negative: without a header of zlib's own

/// Less than this can't get smaller: a stored block costs hardly more than a flush does.
constexpr std::size_t kDeflateBytesMin = 64;
constexpr std::size_t kStoredBytesMax = 65'535;  // of one stored block
constexpr std::size_t kStoredHeadBytes = 5;
/// An empty stored block, which a flush of zlib's ends with too. Some decoders (Go's, and so
/// Caddy's) give out what they have only there, or when their window is full.
constexpr std::string_view kFlushMark{"\0\0\0\xff\xff", kStoredHeadBytes};
/// What a flush adds to deflateBound(), with room to spare: zlib is done when there is some left.
constexpr std::size_t kFlushBytesMax = 16;
/// A buffer that grew beyond this for one large block is given back.
constexpr std::size_t kBufferBytesKept = 256 * 1024;

void append_little_endian(std::uint32_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void append_stored(std::span<const std::string_view> parts, std::uint32_t length,
                   std::string& out) {
  out.push_back('\0');  // stored, not the last one
  append_little_endian(length, 2, out);
  append_little_endian(~length, 2, out);
  for (const std::string_view part : parts) out.append(part);
  out.append(kFlushMark);
}

/// zlib takes its input by a pointer that is not const, and does not write there.
Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

void GzipSum::add(const BlockSum& block) {
  if (block.length == 0) return;
  crc = static_cast<std::uint32_t>(crc32_combine_op(crc, block.crc, block.shift));
  length += block.length;
}

std::string gzip_trailer(const GzipSum& sum) {
  std::string out("\x03\0", 2);  // the last block, empty, in the fixed code
  append_little_endian(sum.crc, 4, out);
  append_little_endian(sum.length, 4, out);
  return out;
}

Deflater::Deflater() = default;

Deflater::~Deflater() {
  if (zlib_ != nullptr) deflateEnd(zlib_.get());
}

Deflater::Block Deflater::block(std::span<const std::string_view> parts) {
  std::size_t length = 0;
  uLong crc = 0;
  for (const std::string_view part : parts) {
    length += part.size();
    crc = crc32_z(crc, bytes_of(part), part.size());
  }
  ENSURE(length > 0);
  if (out_.capacity() > kBufferBytesKept) std::string().swap(out_);  // `= {}` would keep it all
  out_.clear();
  if (length >= kDeflateBytesMin) deflate_all(parts, length);
  if (length <= kStoredBytesMax &&
      (out_.empty() || out_.size() >= length + kStoredHeadBytes + kFlushMark.size())) {
    out_.clear();
    append_stored(parts, static_cast<std::uint32_t>(length), out_);
  }
  return {out_,
          {static_cast<std::uint32_t>(crc), static_cast<std::uint32_t>(length),
           static_cast<std::uint32_t>(crc32_combine_gen(static_cast<z_off_t>(length)))}};
}

void Deflater::deflate_all(std::span<const std::string_view> parts, std::size_t length) {
  if (zlib_ == nullptr) {
    zlib_ = std::make_unique<z_stream_s>();
    ENSURE(deflateInit2(zlib_.get(), kLevel, Z_DEFLATED, kRawWindowBits, kMemoryLevel,
                        Z_DEFAULT_STRATEGY) == Z_OK);
  }
  out_.resize(deflateBound(zlib_.get(), static_cast<uLong>(length)) + kFlushBytesMax);
  zlib_->next_out = bytes_of(out_);
  zlib_->avail_out = static_cast<uInt>(out_.size());
  for (const std::string_view part : parts) {
    zlib_->next_in = bytes_of(part);
    zlib_->avail_in = static_cast<uInt>(part.size());
    ENSURE(deflate(zlib_.get(), Z_NO_FLUSH) == Z_OK || part.empty());
  }
  // A full flush forgets what came before it: the next block begins with an empty window.
  ENSURE(deflate(zlib_.get(), Z_FULL_FLUSH) == Z_OK && zlib_->avail_out > 0);
  out_.resize(out_.size() - zlib_->avail_out);
}

}  // namespace progressd
