#include "inflater.h"

#include <zlib.h>

#include <array>
#include <cstdlib>

namespace sseload {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 16: gzip, and nothing else
constexpr std::size_t kRoomBytes = 16 * 1024;

}  // namespace

Inflater::Inflater() : zlib_(std::make_unique<z_stream_s>()) {
  if (inflateInit2(zlib_.get(), kGzipWindowBits) != Z_OK) std::abort();  // no memory
}

Inflater::~Inflater() { inflateEnd(zlib_.get()); }

bool Inflater::inflate(const char* bytes, std::size_t count, std::string& text) {
  if (count == 0) return true;
  if (is_over_) return false;
  zlib_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes));  // zlib does not write there
  zlib_->avail_in = static_cast<uInt>(count);
  std::array<char, kRoomBytes> room;
  int status = Z_OK;
  do {
    zlib_->next_out = reinterpret_cast<Bytef*>(room.data());
    zlib_->avail_out = static_cast<uInt>(room.size());
    status = ::inflate(zlib_.get(), Z_SYNC_FLUSH);
    text.append(room.data(), room.size() - zlib_->avail_out);
  } while (status == Z_OK && zlib_->avail_out == 0);
  is_over_ = status == Z_STREAM_END;
  const bool is_good = status == Z_OK || status == Z_BUF_ERROR || is_over_;
  return is_good && zlib_->avail_in == 0;
}

}  // namespace sseload
