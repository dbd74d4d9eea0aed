// gzip, in blocks that need nothing before them, so that one block stands in many streams:
//
//   header │ block │ block │ … │ trailer
//
// A block is deflated from an empty window, or stored where that is shorter, and ends where a byte
// ends, with the mark of a flush: a reader's decoder gives all of it out at once. Only the trailer
// differs from stream to stream: it has the CRC and the length of all that this reader was sent.
// Each stream keeps these two (GzipSum), and a block brings what it adds to them (BlockSum), so no
// reader's bytes are looked at again.
//
// Thread: the loop's. Source: RFC 1951 (deflate), RFC 1952 (gzip).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct z_stream_s;  // NOLINT(readability-identifier-naming): zlib's, whose header has its only home
                    // in gzip.cc

namespace progressd {

/// Ten bytes: no name, no time, no system.
inline constexpr std::string_view kGzipHeader{"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10};

/// What a block adds to the sum of a stream that it becomes a part of.
struct BlockSum {
  std::uint32_t crc = 0;
  std::uint32_t length = 0;  // of the plain bytes, modulo 2^32
  std::uint32_t shift = 0;   // how a CRC moves on by so many bytes; zlib's crc32_combine_gen()
};

/// Of all plain bytes of a stream.
struct GzipSum {
  std::uint32_t crc = 0;
  std::uint32_t length = 0;  // modulo 2^32

  void add(const BlockSum& block);
};

/// The last bytes of a stream: an empty block that says so, and the sum.
std::string gzip_trailer(const GzipSum& sum);

/// Makes blocks. It has a quarter of a megabyte of zlib's state from its first block on.
class Deflater {
 public:
  struct Block {
    std::string_view bytes;  // good until the next call
    BlockSum sum;
  };

  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// The parts one after another, which are not all empty.
  Block block(std::span<const std::string_view> parts);

 private:
  void deflate_all(std::span<const std::string_view> parts, std::size_t length);

  std::unique_ptr<z_stream_s> zlib_;  // null before the first block
  std::string out_;
};

}  // namespace progressd
