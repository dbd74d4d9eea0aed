// A client's decoder of gzip: it gives out all that the bytes so far hold.
#pragma once

#include <zlib.h>

#include <array>
#include <string>
#include <string_view>

#include "core/base/ensure.h"

namespace progressd::testing {

class GzipReader {
 public:
  GzipReader() { ENSURE(inflateInit2(&zlib_, kGzipWindowBits) == Z_OK); }
  ~GzipReader() { inflateEnd(&zlib_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  std::string feed(std::string_view bytes) {
    std::string text;
    zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    zlib_.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, 4096> room;
    do {
      zlib_.next_out = reinterpret_cast<Bytef*>(room.data());
      zlib_.avail_out = static_cast<uInt>(room.size());
      status_ = inflate(&zlib_, Z_SYNC_FLUSH);
      text.append(room.data(), room.size() - zlib_.avail_out);
    } while (status_ == Z_OK && zlib_.avail_out == 0);
    return text;
  }
  bool is_good() const { return status_ == Z_OK || status_ == Z_BUF_ERROR || is_over(); }
  /// The trailer has come, its sum was right, and nothing stood behind it.
  bool is_over() const { return status_ == Z_STREAM_END && zlib_.avail_in == 0; }

 private:
  static constexpr int kGzipWindowBits = 15 + 16;  // 16: gzip, and nothing else
  z_stream zlib_{};
  int status_ = Z_OK;
};

}  // namespace progressd::testing
