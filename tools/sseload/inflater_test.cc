// Why: a stream that a server compressed wrongly must not look like a good one.
#include "inflater.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <string_view>

namespace sseload {
namespace {

std::string gzip(std::string_view text) {
  z_stream zlib{};
  EXPECT_EQ(deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&zlib, static_cast<uLong>(text.size())), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  out.resize(zlib.total_out);
  deflateEnd(&zlib);
  return out;
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "data: " + std::to_string(i) + "\n\n";
  return text;
}

TEST(Inflater, GivesTheTextWhereverTheBytesAreCut) {
  const std::string bytes = gzip(long_text());
  for (const std::size_t step : {1U, 7U, 1'000U, 1'000'000U}) {
    Inflater inflater;
    std::string text = "carried ";
    for (std::string_view rest = bytes; !rest.empty();) {
      EXPECT_FALSE(inflater.is_over());
      const std::string_view piece = rest.substr(0, step);
      ASSERT_TRUE(inflater.inflate(piece.data(), piece.size(), text));
      rest.remove_prefix(piece.size());
    }
    EXPECT_TRUE(inflater.is_over());
    EXPECT_EQ(text, "carried " + long_text());
  }
}

TEST(Inflater, SaysNoToWhatIsNoGzip) {
  const std::string good = gzip("data: 1\n\n");
  std::string wrong_sum = good;
  wrong_sum[good.size() - 6] ^= 1;
  for (const std::string& bytes : {std::string("data: 1\n\n"), wrong_sum, good + "x"}) {
    Inflater inflater;
    std::string text;
    EXPECT_FALSE(inflater.inflate(bytes.data(), bytes.size(), text));
  }
  Inflater inflater;
  std::string text;
  EXPECT_TRUE(inflater.inflate(good.data(), good.size(), text));
  EXPECT_FALSE(inflater.inflate("x", 1, text));
}

TEST(Inflater, OfACutStreamIsNotOver) {
  const std::string bytes = gzip("data: 1\n\n");
  Inflater inflater;
  std::string text;
  EXPECT_TRUE(inflater.inflate(bytes.data(), bytes.size() - 1, text));
  EXPECT_FALSE(inflater.is_over());
}

}  // namespace
}  // namespace sseload
