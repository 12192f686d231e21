// SPDX-License-Identifier: Apache-2.0
// The references of kit/record on a real database: folders that are in folders and keep deleted
// rows.
#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/record/write.hpp"

namespace kit::sqlite {
namespace {

using db::Parameter;
using record::Lookup;

constexpr record::EntityName folder_name = {.label = "folder", .upper = "FOLDER"};
constexpr record::Reference references[] = {
    {
        .field = "parent_id",
        .label = "parent",
        .reason = "FOLDER_PARENT_NOT_FOUND",
        .exists = "SELECT 1 FROM folders WHERE id = ?1",
        .parameter = 1,
        .deferred = true,
        .live = "SELECT 1 FROM folders WHERE id = ?1 AND (deleted_at IS NULL"
                " OR id = (SELECT parent_id FROM folders WHERE id = ?2))",
    },
};

struct References : ::testing::Test {
  void SetUp() override {
    ASSERT_TRUE(database
                    .execute("CREATE TABLE folders(id INTEGER PRIMARY KEY, deleted_at INTEGER,"
                             " parent_id INTEGER REFERENCES folders(id)"
                             " DEFERRABLE INITIALLY DEFERRED)")
                    .ok());
    // 2 was deleted after 3 had been put into it.
    ASSERT_TRUE(database
                    .execute("INSERT INTO folders(id, parent_id, deleted_at)"
                             " VALUES(1, NULL, NULL), (2, NULL, 1), (3, 2, NULL)")
                    .ok());
  }

  /// Puts folder `id` into `parent`, in a transaction that is committed where `write` lets it.
  Result<> put(std::int64_t id, std::int64_t parent, Lookup lookup) {
    auto write = [&]() -> Task<> {
      const std::array<Parameter, 2> parameters = {id, parent};
      auto transaction = co_await database->begin();
      co_await record::write(*transaction,
                             "INSERT INTO folders(id, parent_id) VALUES(?1, ?2)"
                             " ON CONFLICT(id) DO UPDATE SET parent_id = ?2",
                             parameters, folder_name, references, lookup);
      co_await transaction->commit();
    };
    return database.run(write());
  }

  TestDatabase database;
};

TEST_F(References, AreLookedUpAtOnce) {
  EXPECT_TRUE(put(4, 1, Lookup::at_once).ok());
  EXPECT_TRUE(put(5, 5, Lookup::at_once).ok()) << "a row may refer to itself";
  EXPECT_TRUE(put(3, 2, Lookup::at_once).ok()) << "and to what it has referred to before";
  for (std::int64_t parent : {99, 2}) {
    auto refused = put(1, parent, Lookup::at_once);
    ASSERT_FALSE(refused.ok()) << parent;
    EXPECT_EQ(refused.error().reason(), "FOLDER_PARENT_NOT_FOUND") << parent;
    EXPECT_EQ(refused.error().http_status(), 409) << parent;
    ASSERT_EQ(refused.error().violations().size(), 1u) << parent;
    EXPECT_EQ(refused.error().violations()[0].field, "parent_id") << parent;
  }
}

TEST_F(References, ThatAreLeftToTheCommitMayComeLaterButMustNotBeDeleted) {
  EXPECT_EQ(put(1, 99, Lookup::at_commit).error().reason(), "FOREIGN_KEY_VIOLATION");
  EXPECT_EQ(put(1, 2, Lookup::at_commit).error().reason(), "FOLDER_PARENT_NOT_FOUND");
  auto later = [&]() -> Task<> {
    const std::array<Parameter, 2> row = {std::int64_t{7}, std::int64_t{8}};
    auto transaction = co_await database->begin();
    constexpr std::string_view insert = "INSERT INTO folders(id, parent_id) VALUES(?1, ?2)";
    co_await record::write(*transaction, insert, row, folder_name, references, Lookup::at_commit);
    auto early = co_await as_result(record::check_references(*transaction, row, references));
    EXPECT_EQ(early.error().reason(), "FOLDER_PARENT_NOT_FOUND");
    co_await transaction->execute("INSERT INTO folders(id) VALUES(8)", {});
    co_await record::check_references(*transaction, row, references);
    co_await transaction->commit();
  };
  auto done = database.run(later());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

}  // namespace
}  // namespace kit::sqlite
