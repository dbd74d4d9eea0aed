#include "core/stream/gzip.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/stream/gzip_reader.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::Chance;
using testing::GzipReader;

struct Kept {
  std::string plain;
  std::string bytes;
  BlockSum sum;
};

Kept kept(Deflater& deflater, std::string plain) {
  const std::string_view part = plain;
  const Deflater::Block block = deflater.block({&part, 1});
  return {plain, std::string(block.bytes), block.sum};
}

std::string event(int number) {
  return fmt::format(
      "event: progress\nid: 0a20615b-{0}\ndata: {{\"id\":\"hello\",\"kind\":null,"
      "\"state\":\"active\",\"done\":{0},\"total\":500,\"percent\":5,\"message\":null}}\n\n",
      number);
}

TEST(Deflater, GivesABlockThatADecoderGivesOutAtOnce) {
  Deflater deflater;
  GzipReader reader;
  GzipSum sum;
  EXPECT_EQ(reader.feed(kGzipHeader), "");
  for (int i = 0; i < 20; ++i) {
    const Kept block = kept(deflater, event(i));
    EXPECT_LT(block.bytes.size(), block.plain.size());
    EXPECT_EQ(reader.feed(block.bytes), event(i));
    sum.add(block.sum);
  }
  EXPECT_FALSE(reader.is_over());
  EXPECT_EQ(reader.feed(gzip_trailer(sum)), "");
  EXPECT_TRUE(reader.is_over());
}

TEST(Deflater, EndsEveryBlockWithTheMarkThatSomeDecodersWaitFor) {
  Deflater deflater;
  Chance chance(1);
  std::string noise(1'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(chance.between(0, 255));
  const std::string_view mark{"\0\0\xff\xff", 4};  // Go's, and so those of Caddy
  for (const std::string& plain : {std::string(": keepalive\n\n"), event(1), noise}) {
    EXPECT_TRUE(kept(deflater, plain).bytes.ends_with(mark)) << plain.size();
  }
}

TEST(Deflater, MakesOfTheSameTextTheSameBlockWhateverCameBefore) {
  Deflater fresh;
  Deflater used;
  for (int i = 0; i < 50; ++i) kept(used, event(i) + std::string(3'000, 'x'));
  EXPECT_EQ(kept(fresh, event(7)).bytes, kept(used, event(7)).bytes);
}

TEST(Deflater, JoinsPartsToOneBlock) {
  Deflater deflater;
  const std::string first = event(1);
  const std::string second = event(2);
  const std::vector<std::string_view> parts{first, "", second};
  const Deflater::Block joined = deflater.block(parts);
  const std::string bytes(joined.bytes);
  EXPECT_EQ(joined.sum.length, first.size() + second.size());
  const Kept whole = kept(deflater, first + second);
  EXPECT_EQ(joined.sum.crc, whole.sum.crc);
  GzipReader reader;
  reader.feed(kGzipHeader);
  EXPECT_EQ(reader.feed(bytes), first + second);
}

TEST(Deflater, StoresWhatWouldGetNoSmaller) {
  Deflater deflater;
  const Kept keepalive = kept(deflater, ": keepalive\n\n");
  EXPECT_EQ(keepalive.bytes.size(), keepalive.plain.size() + 10);
  Chance chance(1);
  std::string noise;
  for (int i = 0; i < 60'000; ++i) noise.push_back(static_cast<char>(chance.between(0, 255)));
  const Kept stored = kept(deflater, noise);
  EXPECT_EQ(stored.bytes.size(), noise.size() + 10);
  // One stored block holds no more than 65,535 bytes: zlib makes several.
  const Kept large = kept(deflater, noise + noise);
  EXPECT_LT(large.bytes.size(), large.plain.size() + 200);
  GzipReader reader;
  reader.feed(kGzipHeader);
  EXPECT_EQ(reader.feed(keepalive.bytes + stored.bytes + large.bytes),
            keepalive.plain + noise + noise + noise);
  GzipSum sum;
  for (const Kept* block : {&keepalive, &stored, &large}) sum.add(block->sum);
  reader.feed(gzip_trailer(sum));
  EXPECT_TRUE(reader.is_over());
}

TEST(GzipSum, OfAnotherStreamEndsNone) {
  Deflater deflater;
  const Kept block = kept(deflater, event(1));
  GzipReader reader;
  reader.feed(kGzipHeader);
  reader.feed(block.bytes);
  reader.feed(gzip_trailer(GzipSum{}));
  EXPECT_FALSE(reader.is_good());
}

TEST(GzipSum, OfNothingEndsAnEmptyStream) {
  GzipReader reader;
  reader.feed(kGzipHeader);
  reader.feed(gzip_trailer(GzipSum{}));
  EXPECT_TRUE(reader.is_over());
}

TEST(GzipProperty, AnyBlocksInAnyOrderAreAStream) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  Chance chance(seed);
  Deflater deflater;
  std::vector<Kept> blocks;
  for (int i = 0; i < 60; ++i) {
    std::string plain;
    switch (chance.between(0, 3)) {
      case 0:
        plain = event(i);
        break;
      case 1:
        for (std::int64_t n = chance.between(2, 400); n > 0; --n) plain += event(i);
        break;
      case 2:
        for (std::int64_t n = chance.between(1, 70'000); n > 0; --n) {
          plain.push_back(static_cast<char>(chance.between(0, 255)));
        }
        break;
      default:
        plain = std::string(static_cast<std::size_t>(chance.between(1, 200)), 'x');
    }
    blocks.push_back(kept(deflater, plain));
  }
  for (int round = 0; round < 30; ++round) {
    std::string wire(kGzipHeader);
    std::string expected;
    GzipSum sum;
    for (std::int64_t n = chance.between(0, 40); n > 0; --n) {
      const Kept& block = blocks[chance.index(blocks.size())];
      wire += block.bytes;
      expected += block.plain;
      sum.add(block.sum);
    }
    wire += gzip_trailer(sum);
    GzipReader reader;
    std::string text;
    for (std::string_view rest = wire; !rest.empty();) {  // as a network cuts it
      const std::string_view piece =
          rest.substr(0, static_cast<std::size_t>(chance.between(1, 9'000)));
      text += reader.feed(piece);
      rest.remove_prefix(piece.size());
    }
    ASSERT_EQ(text, expected);
    ASSERT_TRUE(reader.is_over());
  }
}

}  // namespace
}  // namespace progressd
