#include "core/journal/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/core/testing.h"

namespace progressd {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class SqliteTest : public ::testing::Test {
 protected:
  SqliteTest() {
    std::string name = ::testing::TempDir() + "sqlite-XXXXXX";
    folder = mkdtemp(name.data());
    path = folder + "/journal";
  }
  ~SqliteTest() override { fs::remove_all(folder); }

  Result<std::unique_ptr<SqliteJournal>> open() {
    return SqliteJournal::open({.path = path}, chance);
  }
  /// What opening it says, after checking that it names the file and left it as it was.
  std::string refusal() {
    const std::string before = bytes_of(path);
    const auto journal = open();
    if (journal) return "";
    EXPECT_NE(journal.error().detail.find(path), std::string::npos) << journal.error().detail;
    EXPECT_EQ(bytes_of(path), before);
    return journal.error().detail;
  }
  static JournalBatch batch(std::size_t changes, std::string block) {
    JournalBatch made;
    made.changes = changes;
    made.block = std::move(block);
    return made;
  }
  static std::vector<std::pair<Sequence, std::string>> blocks(SqliteJournal& journal) {
    std::vector<std::pair<Sequence, std::string>> all;
    EXPECT_TRUE(journal.read([&](const RecoveredPart& part) {
      for (const auto& block : part.blocks) all.emplace_back(block.first, block.bytes);
      return true;
    }));
    return all;
  }
  void run_sql(const std::string& sql) {
    auto db = SqliteDb::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "");
    ASSERT_TRUE(db);
    const auto done = db->run(sql);
    ASSERT_TRUE(done) << done.error().detail;
  }

  testing::Chance chance{testing::test_seed()};
  std::string folder;
  std::string path;
};

TEST_F(SqliteTest, NobodyElseMayReadItsFiles) {
  const mode_t before = umask(0);
  const auto journal = open();
  umask(before);
  ASSERT_TRUE(journal) << journal.error().detail;
  for (const char* end : {"", "-wal", "-shm", "-lock"}) {
    struct stat file {};
    ASSERT_EQ(stat((path + end).c_str(), &file), 0) << path + end;
    EXPECT_EQ(file.st_mode & 0777, mode_t{0600}) << path + end;
  }
}

TEST_F(SqliteTest, NumbersGoOnWhereTheyWereAndTheEpochStays) {
  auto journal = open();
  ASSERT_TRUE(journal) << journal.error().detail;
  const std::uint32_t epoch = (*journal)->epoch();
  EXPECT_EQ((*journal)->last(), 0u);
  EXPECT_EQ((*journal)->append(batch(3, "one")), Sequence{1});
  EXPECT_EQ((*journal)->append(batch(1, "two")), Sequence{4});
  journal->reset();
  journal = open();
  ASSERT_TRUE(journal);
  EXPECT_EQ((*journal)->epoch(), epoch);
  EXPECT_EQ((*journal)->last(), 4u);
  EXPECT_EQ((*journal)->append(batch(1, "three")), Sequence{5});
  using Blocks = std::vector<std::pair<Sequence, std::string>>;
  EXPECT_EQ(blocks(**journal), (Blocks{{1, "one"}, {4, "two"}, {5, "three"}}));
}

TEST_F(SqliteTest, AnotherFileHasAnotherEpoch) {
  const auto first = open();
  path += "2";
  const auto second = open();
  EXPECT_NE((*first)->epoch(), (*second)->epoch());
}

TEST_F(SqliteTest, AMachineThatStoppedBeforeASyncBeginsAnotherEpoch) {
  const auto epoch_of = [&](bool synced, std::int64_t boot) {
    const auto journal =
        SqliteJournal::open({.path = path, .synced = synced, .boot = boot}, chance);
    EXPECT_TRUE(journal);
    return (*journal)->epoch();
  };
  const std::uint32_t first = epoch_of(/*synced=*/true, 1);
  EXPECT_EQ(epoch_of(true, 2), first) << "all that was told of is on the disk";
  EXPECT_EQ(epoch_of(false, 3), first);
  EXPECT_EQ(epoch_of(false, 3), first) << "only the program ended";
  const std::uint32_t second = epoch_of(true, 4);
  EXPECT_NE(second, first);
  EXPECT_EQ(epoch_of(true, 4), second);
}

TEST_F(SqliteTest, ACutTakesOffTheLogAndNumbersGoOnStill) {
  auto journal = open();
  ASSERT_TRUE((*journal)->append(batch(2, "one")));
  JournalBatch with_cut = batch(0, "");
  with_cut.rows.push_back({RowKind::kJob, 1, "row"});
  with_cut.cut = LogCut{2, 0};
  with_cut.removed_through = 1;
  ASSERT_TRUE((*journal)->append(with_cut));
  journal->reset();
  journal = open();
  EXPECT_EQ((*journal)->last(), 2u);
  EXPECT_EQ((*journal)->removed_through(), 1u);
  EXPECT_TRUE(blocks(**journal).empty());
  EXPECT_EQ((*journal)->append(batch(1, "two")), Sequence{3});
}

TEST_F(SqliteTest, ALargeReadComesInParts) {
  auto journal = open();
  JournalBatch rows;
  for (Sequence id = 1; id <= 50; ++id) {
    rows.rows.push_back({RowKind::kJob, id, std::string(5'000, 'r')});
  }
  ASSERT_TRUE((*journal)->append(rows));
  std::vector<Sequence> ids;
  int parts = 0;
  ASSERT_TRUE((*journal)->read([&](const RecoveredPart& part) {
    ++parts;
    for (const StateRow& row : part.rows) ids.push_back(row.id);
    return true;
  }));
  EXPECT_GT(parts, 3);
  EXPECT_EQ(ids.size(), 50u);
  EXPECT_EQ(ids.front(), 50u) << "the latest creation comes first";
}

TEST_F(SqliteTest, AnExpiredKeyGoesWithACut) {
  auto journal = open();
  JournalBatch keys;
  keys.rows.push_back({RowKind::kIdempotencyKey, 1, "old", 1'000});
  keys.rows.push_back({RowKind::kIdempotencyKey, 2, "new", 2'000});
  ASSERT_TRUE((*journal)->append(keys));
  JournalBatch with_cut;
  with_cut.cut = LogCut{0, 1'500};
  ASSERT_TRUE((*journal)->append(with_cut));
  std::vector<std::string> left;
  ASSERT_TRUE((*journal)->read([&](const RecoveredPart& part) {
    for (const StateRow& row : part.rows) left.push_back(row.bytes);
    return true;
  }));
  EXPECT_EQ(left, std::vector<std::string>{"new"});
}

TEST_F(SqliteTest, ThereIsOneWriter) {
  const auto journal = open();
  ASSERT_TRUE(journal);
  EXPECT_NE(refusal().find("another process"), std::string::npos);
}

TEST_F(SqliteTest, ThereIsOneWriterByWhateverNameItIsOpened) {
  const auto journal = open();
  ASSERT_TRUE(journal);
  std::filesystem::create_symlink(path, folder + "/link");
  path = folder + "/link";
  EXPECT_NE(refusal().find("another process"), std::string::npos);
}

TEST_F(SqliteTest, ThereIsOneWriterThoughALinkLedToNoFileYet) {
  fs::create_symlink("journal", folder + "/link");
  path = folder + "/link";
  const auto journal = open();
  ASSERT_TRUE(journal) << journal.error().detail;
  EXPECT_NE(refusal().find("another process"), std::string::npos);
  path = folder + "/journal";
  EXPECT_NE(refusal().find("another process"), std::string::npos);
}

TEST_F(SqliteTest, AFileWithASecondNameIsNotWrittenUnderEither) {
  open()->reset();
  fs::create_hard_link(path, folder + "/other");
  EXPECT_NE(refusal().find("hard link"), std::string::npos);
  path = folder + "/other";
  EXPECT_NE(refusal().find("hard link"), std::string::npos);
}

TEST_F(SqliteTest, WhatIsNoFileIsNotWaitedFor) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto journal = open();
  ASSERT_FALSE(journal);
  EXPECT_NE(journal.error().detail.find("no regular file"), std::string::npos);
}

TEST_F(SqliteTest, ANameThatSqliteKeepsInMemoryIsAFileToo) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  path = ":memory:";
  ASSERT_TRUE((*open())->append(batch(1, "one")));
  fs::current_path(before);
  path = folder + "/:memory:";
  using Blocks = std::vector<std::pair<Sequence, std::string>>;
  EXPECT_EQ(blocks(**open()), (Blocks{{1, "one"}}));
}

TEST_F(SqliteTest, WhoseLockWasTakenAwayWritesNoMoreWhileAnotherOneDoes) {
  auto first = open();
  ASSERT_TRUE((*first)->append(batch(1, "one")));
  std::filesystem::remove(path + "-lock");
  auto second = open();
  ASSERT_TRUE(second);
  ASSERT_TRUE((*second)->append(batch(1, "two")));
  EXPECT_FALSE((*first)->append(batch(1, "three")));
  EXPECT_FALSE((*first)->reopen());
  using Blocks = std::vector<std::pair<Sequence, std::string>>;
  EXPECT_EQ(blocks(**second), (Blocks{{1, "one"}, {2, "two"}}));
}

TEST_F(SqliteTest, AReaderMayMakeABackupMeanwhile) {
  const auto journal = open();
  ASSERT_TRUE((*journal)->append(batch(1, "one")));
  run_sql("VACUUM INTO '" + folder + "/backup'");
  ASSERT_TRUE((*journal)->append(batch(1, "two")));
  path = folder + "/backup";
  const auto backup = open();
  ASSERT_TRUE(backup) << backup.error().detail;
  EXPECT_EQ(blocks(**backup).size(), 1u);
  EXPECT_EQ((*backup)->epoch(), (*journal)->epoch());
}

TEST_F(SqliteTest, AFolderThatIsMissingIsNamed) {
  path = folder + "/missing/journal";
  EXPECT_NE(refusal().find("the folder " + folder + "/missing is not there"), std::string::npos);
}

TEST_F(SqliteTest, WhatIsNotOursIsLeftAlone) {
  std::ofstream(path) << std::string(5'000, 'x');
  EXPECT_NE(refusal().find("no SQLite file"), std::string::npos);
  fs::remove(path);
  run_sql("CREATE TABLE their (own)");
  EXPECT_NE(refusal().find("another program"), std::string::npos);
}

TEST_F(SqliteTest, ANewerFileIsLeftAlone) {
  open()->reset();
  run_sql("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_NE(refusal().find("newer"), std::string::npos);
}

TEST_F(SqliteTest, ACorruptFileIsLeftAlone) {
  {
    const auto journal = open();
    for (int i = 0; i < 40; ++i) ASSERT_TRUE((*journal)->append(batch(1, std::string(3'000, 'x'))));
  }
  run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (int page = 2; page < 12; ++page) {
    file.seekp(page * 4096);
    file << std::string(100, '\xee');
  }
  file.close();
  EXPECT_NE(refusal(), "");
}

TEST_F(SqliteTest, AMissingBlockIsAHole) {
  {
    const auto journal = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE((*journal)->append(batch(1, "x")));
  }
  run_sql("DELETE FROM block WHERE first = 2");
  const auto journal = open();
  ASSERT_TRUE(journal);
  const auto read = (*journal)->read([](const RecoveredPart&) { return true; });
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().detail.find("change 2 is missing"), std::string::npos);
}

TEST_F(SqliteTest, AFileThatWasMovedAwayIsNotWrittenUntilItIsBack) {
  const auto journal = open();
  ASSERT_TRUE((*journal)->append(batch(1, "one")));
  fs::rename(folder, folder + "-away");
  EXPECT_FALSE((*journal)->append(batch(1, "two")));
  EXPECT_FALSE((*journal)->reopen());
  fs::rename(folder + "-away", folder);
  ASSERT_TRUE((*journal)->reopen());
  EXPECT_EQ((*journal)->append(batch(1, "three")), Sequence{2});
}

TEST_F(SqliteTest, WhatStoodInAWalThatWasDeletedIsKept) {
  auto journal = open();
  ASSERT_TRUE((*journal)->append(batch(1, "one")));
  fs::remove(path + "-wal");
  EXPECT_FALSE((*journal)->append(batch(1, "two"))) << "it would be written where nobody finds it";
  ASSERT_TRUE((*journal)->reopen());
  EXPECT_EQ((*journal)->append(batch(1, "three")), Sequence{2});
  journal->reset();
  journal = open();
  using Blocks = std::vector<std::pair<Sequence, std::string>>;
  EXPECT_EQ(blocks(**journal), (Blocks{{1, "one"}, {2, "three"}}));
}

TEST_F(SqliteTest, AnotherJournalAtItsPathIsNotGoneOnWith) {
  const auto journal = open();
  ASSERT_TRUE((*journal)->append(batch(1, "one")));
  for (const char* suffix : {"", "-wal", "-shm", "-lock"}) fs::remove(path + suffix);
  ASSERT_TRUE(open());  // and closed again
  EXPECT_FALSE((*journal)->append(batch(1, "two")));
  const auto reopened = (*journal)->reopen();
  ASSERT_FALSE(reopened);
  EXPECT_NE(reopened.error().detail.find("another journal"), std::string::npos);
}

TEST_F(SqliteTest, AFileGoesForwardFromItsVersion) {
  run_sql("PRAGMA user_version = 1; CREATE TABLE t (a)");
  auto db = SqliteDb::open(path, SQLITE_OPEN_READWRITE, "");
  const std::array<const char*, 3> steps{"never", "ALTER TABLE t ADD b;",
                                         "INSERT INTO t VALUES (1, 2);"};
  ASSERT_TRUE(migrate(*db, steps));
  EXPECT_EQ(db->integer("PRAGMA user_version"), 3);
  EXPECT_EQ(db->integer("SELECT b FROM t"), 2);
  ASSERT_TRUE(migrate(*db, steps)) << "it is there already";
  EXPECT_EQ(db->integer("SELECT count(*) FROM t"), 1);
  EXPECT_FALSE(migrate(*db, std::span(steps).first(2)));
  const std::array<const char*, 4> faulty{"", "", "", "INSERT INTO t VALUES (3, 4); nonsense;"};
  EXPECT_FALSE(migrate(*db, faulty));
  EXPECT_TRUE(db->run("ROLLBACK"));
  EXPECT_EQ(db->integer("SELECT count(*) FROM t"), 1) << "a step is made as a whole or not";
}

TEST_F(SqliteTest, SpaceIsGivenBackOnceThereIsMuchOfIt) {
  const auto journal =
      SqliteJournal::open({.path = path, .synced = false, .wal_pages_max = 1}, chance);
  const auto append = [&](const JournalBatch& one) {
    ASSERT_TRUE((*journal)->append(one));
    (*journal)->tidy();
  };
  for (int i = 0; i < 50; ++i) append(batch(1, std::string(1024 * 1024, 'x')));
  const auto largest = fs::file_size(path);
  JournalBatch with_cut;
  with_cut.cut = LogCut{50, 0};
  append(with_cut);
  for (int i = 0; i < 20; ++i) append(batch(1, "x"));
  EXPECT_LT(fs::file_size(path), largest * 9 / 10);
}

}  // namespace
}  // namespace progressd
