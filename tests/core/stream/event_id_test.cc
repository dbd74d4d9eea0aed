#include "core/stream/event_id.h"

#include <gtest/gtest.h>

#include "core/journal/memory.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

TEST(EventIds, AreAnEpochAndANumber) {
  const EventIds ids(0x1f3a9c04);
  EXPECT_EQ(ids.text(17), "1f3a9c04-17");
  EXPECT_EQ(EventIds(1).text(UINT64_MAX), "00000001-18446744073709551615");
  std::string out = "x";
  ids.append(1, out);
  EXPECT_EQ(out, "x1f3a9c04-1");
}

TEST(EventIds, ReadBackWhatTheyWrote) {
  const EventIds ids(0xffffffff);
  for (const Sequence sequence : {Sequence{0}, Sequence{1}, Sequence{1'000'000}, UINT64_MAX}) {
    EXPECT_EQ(ids.parse(ids.text(sequence)), sequence);
  }
}

TEST(EventIds, OfAnotherEpochAreNotPlaced) { EXPECT_FALSE(EventIds(1).parse(EventIds(2).text(5))); }

TEST(EventIds, OfAPartialOpeningAreNotPlaced) {
  const EventIds ids(1);
  std::string partial;
  ids.append_partial(5, partial);
  EXPECT_EQ(partial, "00000001-5~");
  EXPECT_FALSE(ids.parse(partial));
}

TEST(EventIds, OnlyWhatTheyWriteIsRead) {
  const EventIds ids(0x1f3a9c04);
  ASSERT_TRUE(ids.parse("1f3a9c04-17"));
  for (const std::string_view text :
       {"", "-", "17", "1f3a9c04", "1f3a9c04-", "1f3a9c04--1", "1f3a9c04-1x", "1f3a9c04- 1",
        " 1f3a9c04-1", "1f3a9c04_17", "1f3a9c04-+1", "1F3A9C04-17", "1f3a9c04-017", "1f3a9c04-1 ",
        "01f3a9c04-1", "+f3a9c04-1", "1f3a9c04-18446744073709551616"}) {
    EXPECT_FALSE(ids.parse(text)) << text;
  }
  EXPECT_FALSE(ids.parse(std::string_view("1f3a9c04-1\0", 11)));
}

TEST(MemoryJournal, NumbersChangesWithoutAHole) {
  testing::Chance chance(1);
  MemoryJournal journal(chance);
  std::vector<Change> changes(3);
  EXPECT_EQ(journal.append(changes), 1u);
  EXPECT_EQ(journal.append(changes), 4u);
  changes.resize(1);
  EXPECT_EQ(journal.append(changes), 7u);
}

TEST(MemoryJournal, HasAnEpochOfItsOwn) {
  testing::Chance chance(1);
  EXPECT_NE(MemoryJournal(chance).epoch(), MemoryJournal(chance).epoch());
}

}  // namespace
}  // namespace progressd
