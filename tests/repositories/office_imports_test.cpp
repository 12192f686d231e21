// SPDX-License-Identifier: Apache-2.0
// Imports by many rows store and say what they would have record by record.
#include <algorithm>
#include <random>
#include <set>

#include "import_test.hpp"
#include "internal/data/client_import.gen.hpp"
#include "internal/data/paper_import.gen.hpp"
#include "internal/data/person_import.gen.hpp"
#include "office_test.hpp"

namespace office {
namespace {

using kit::tests::FileImports;
using kit::tests::first_difference;
using kit::tests::OneByOne;

constexpr int known_people = 300;

class OfficeImports : public OfficeTest {
 protected:
  std::string import(kit::db::ImportTarget& target, const std::string& text,
                     kit::db::ImportOptions options = {}) {
    FileImports files(database());
    return get(files.import(target, text, std::move(options)));
  }
  /// What both ways come to; nothing is kept.
  std::pair<std::string, std::string> both(kit::db::ImportTarget& target, const std::string& text,
                                           const std::vector<std::string>& queries) {
    FileImports files(database());
    OneByOne slow(target);
    std::string together = get(files.try_out(target, text, queries));
    return {std::move(together), get(files.try_out(slow, text, queries))};
  }
  void add_people(int count) {
    std::string text = "PersonId,Login,Name,BossId\n";
    for (int i = 1; i <= count; ++i) text += person(i, "p" + std::to_string(i), "Name", "");
    ASSERT_EQ(import(*people_, text), std::to_string(count) + " inserted, 0 updated, 0 unchanged");
  }
  static std::string person(int id, const std::string& login, const std::string& name,
                            const std::string& boss) {
    return std::to_string(id) + "," + login + "," + name + "," + boss + "\n";
  }

  std::unique_ptr<kit::db::ImportTarget> people_ = data::make_person_import();
  std::unique_ptr<kit::db::ImportTarget> clients_ = data::make_client_import();
  std::unique_ptr<kit::db::ImportTarget> papers_ = data::make_paper_import();
};

const std::vector<std::string> people_rows = {
    "SELECT id FROM people ORDER BY id",
    "SELECT login FROM people ORDER BY id",
    "SELECT name FROM people ORDER BY id",
    "SELECT boss_id FROM people ORDER BY id",
    "SELECT version FROM people ORDER BY id",
    "SELECT row_id FROM kit_history ORDER BY id",
    "SELECT operation FROM kit_history ORDER BY id",
    "SELECT version FROM kit_history ORDER BY id",
    "SELECT changes FROM kit_history ORDER BY id",
};

/// A file of people, known ones and new ones; in each hundred so many are bad.
std::string random_people(std::mt19937& random, int records, int bad, int late) {
  const auto below = [&](int end) {
    return static_cast<int>(random() % static_cast<unsigned>(end));
  };
  std::vector<int> ids;
  for (int id = 1; id <= 2 * records; ++id) ids.push_back(id);
  std::ranges::shuffle(ids, random);
  std::string text = "PersonId,Login,Name,BossId\n";
  for (int i = 0; i < records; ++i) {
    std::string id = std::to_string(ids[static_cast<std::size_t>(i)]);
    std::string login = "p" + id;
    std::string name = below(2) == 0 ? "Name" : "N" + std::to_string(below(3));
    std::string boss = below(3) == 0 ? std::to_string(1 + below(known_people)) : "";
    if (below(100) < late) boss = std::to_string(ids[static_cast<std::size_t>(below(records))]);
    if (below(100) < bad) {
      switch (below(7)) {
        case 0:
          name = "";
          break;
        case 1:
          login = std::string(41, 'x');
          break;
        case 2:
          login = "p" + std::to_string(1 + below(known_people));
          break;
        case 3:
          boss = "999999";
          break;
        case 4:
          id = "0" + std::to_string(ids[static_cast<std::size_t>(below(records))]);
          break;
        case 5:
          id = "x";
          break;
        default:
          text += "1,2\n";
      }
    }
    text.append(id).append(",").append(login).append(",").append(name).append(",");
    text.append(boss).append("\n");
  }
  return text;
}

TEST_F(OfficeImports, FilesComeToTheSameAsRecordByRecord) {
  add_people(known_people);
  std::set<std::string> outcomes;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    const int bad = seed % 3 == 0 ? 3 : 0;
    const int late = seed % 4 == 1 ? 5 : 0;
    const std::string text = random_people(random, 400 + static_cast<int>(seed) * 20, bad, late);
    const auto [together, apart] = both(*people_, text, people_rows);
    EXPECT_EQ(first_difference(together, apart), "") << "seed " << seed;
    outcomes.insert(together.substr(together.find('\n') + 1));
    EXPECT_EQ(together.find("inserted") == std::string::npos, bad > 0) << together.substr(0, 500);
  }
  EXPECT_EQ(outcomes.size(), 12U);
}

TEST_F(OfficeImports, BatchesEndAnywhere) {
  for (const int count : {1, 2, 255, 256, 257, 512, 513}) {
    std::string text = "PersonId,Login,Name,BossId\n";
    for (int i = 1; i <= count; ++i) text += person(i, "p" + std::to_string(i), "Name", "");
    const auto [together, apart] = both(*people_, text, people_rows);
    EXPECT_EQ(first_difference(together, apart), "") << count;
    EXPECT_TRUE(together.starts_with(std::to_string(count) + " inserted"))
        << together.substr(0, 500);
  }
}

TEST_F(OfficeImports, GivenIdsKeepTheNumberingAhead) {
  add_people(300);
  EXPECT_EQ(add_person("next").id.value(), 301);
  EXPECT_EQ(read("SELECT count(*) FROM kit_history WHERE operation = 'create'"), "301");
}

TEST_F(OfficeImports, WhatIsTakenInTheMiddleIsToldWithItsLine) {
  add_people(1);
  std::string text = "PersonId,Login,Name,BossId\n";
  for (int i = 2; i <= 600; ++i) {
    // One that is there, and two in the same batch.
    const std::string login = i == 300 || i == 560 ? "p1"
                              : i == 402           ? "p401"
                                                   : "p" + std::to_string(i);
    text += person(i, login, i == 500 ? "" : "Name", "");
  }
  EXPECT_EQ(import(*people_, text),
            "300 Login: is taken\n402 Login: is taken\n500 Name: is required\n560 Login: is taken");
  EXPECT_EQ(read("SELECT count(*) FROM people"), "1");
}

TEST_F(OfficeImports, ALoginGoesFromOneRowToTheNext) {
  add_people(2);
  // In the order of the file: the login is free when the next record wants it.
  EXPECT_EQ(import(*people_,
                   "PersonId,Login,Name,BossId\n1,q,Name,\n2,p1,Name,\n3,p2,Name,\n4,p4,Name,\n"),
            "2 inserted, 2 updated, 0 unchanged");
  EXPECT_EQ(read("SELECT login FROM people ORDER BY id"), "q,p1,p2,p4");
  // The other way around it is taken.
  EXPECT_EQ(import(*people_, "PersonId,Login,Name,BossId\n5,q,Name,\n1,r,Name,\n"),
            "2 Login: is taken");
}

TEST_F(OfficeImports, RowsReferToLaterOnes) {
  std::string text = "PersonId,Login,Name,BossId\n";
  for (int i = 1; i <= 600; ++i) {
    // To the same batch, to the next one, to itself.
    const int boss = i % 3 == 0 ? i : i % 3 == 1 ? std::min(i + 1, 600) : std::min(i + 300, 600);
    text += person(i, "p" + std::to_string(i), "Name", std::to_string(boss));
  }
  EXPECT_EQ(import(*people_, text), "600 inserted, 0 updated, 0 unchanged");
  EXPECT_EQ(read("SELECT boss_id FROM people WHERE id IN (1, 2, 3) ORDER BY id"), "2,302,3");
  text += person(601, "p601", "Name", "700");
  EXPECT_EQ(import(*people_, text), "602 BossId: refers to nothing that exists");
}

TEST_F(OfficeImports, ReferencesToRemovedRowsAreRefused) {
  const biz::Client client = add_client(make_client("c"));
  biz::Folder gone = add_folder("gone");
  const biz::Folder there = add_folder("there");
  const auto remove = [](biz::RepositoryStore& store, biz::Folder folder) -> Task<> {
    const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
    co_await work->folders().remove(folder);
    co_await work->commit();
  };
  must(remove(store(), gone));
  std::string text = "PaperId,Text,ClientId,FolderId\n";
  const auto paper = [&](int id, const biz::Folder* folder) {
    text += std::to_string(id) + ",t," + std::to_string(client.id.value()) + "," +
            (folder == nullptr ? "" : std::to_string(folder->id.value())) + "\n";
  };
  for (int i = 1; i <= 300; ++i) paper(i, i % 2 == 0 ? &there : nullptr);
  EXPECT_EQ(import(*papers_, text), "300 inserted, 0 updated, 0 unchanged");
  paper(301, &gone);
  paper(302, &there);
  EXPECT_EQ(import(*papers_, text), "302 FolderId: refers to nothing that exists");
}

TEST_F(OfficeImports, RemovedKeysAreRefused) {
  biz::Client client = add_client(make_client("c"));
  const auto remove = [](biz::RepositoryStore& store, biz::Client row) -> Task<> {
    const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
    co_await work->clients().remove(row);
    co_await work->commit();
  };
  must(remove(store(), client));
  std::string text = "ClientId,Name,Email,Credit,Notes,RepId\n";
  for (int i = 5; i <= 300; ++i) {
    const std::string name = "n" + std::to_string(i);
    text += std::to_string(i) + "," + name + "," + name + "@example.com,,,\n";
  }
  EXPECT_EQ(import(*clients_, text), "296 inserted, 0 updated, 0 unchanged");
  text += std::to_string(client.id.value()) + ",c,c@example.com,,,\n";
  EXPECT_THAT(import(*clients_, text), testing::StartsWith("298 ClientId: "));
}

TEST_F(OfficeImports, LargeRecordsAndLargeRows) {
  std::string text = "ClientId,Name,Email,Credit,Notes,RepId\n";
  std::string small = text;
  for (int i = 1; i <= 40; ++i) {
    const std::string start = std::to_string(i) + ",n,n" + std::to_string(i) + "@example.com,,";
    text += start + std::string(i == 7 ? 1'000'000 : 300'000, 'x') + ",\n";
    small += start + "short,\n";
  }
  EXPECT_EQ(import(*clients_, text), "40 inserted, 0 updated, 0 unchanged");
  // More than what is kept of rows that are there: they are looked at one by one.
  EXPECT_EQ(import(*clients_, small), "0 inserted, 40 updated, 0 unchanged");
  EXPECT_EQ(read("SELECT count(*) FROM clients WHERE notes = 'short'"), "40");
}

TEST_F(OfficeImports, CancelledBetweenBatchesKeepsNothing) {
  std::string text = "PersonId,Login,Name,BossId\n";
  for (int i = 1; i <= 2'000; ++i) text += person(i, "p" + std::to_string(i), "Name", "");
  kit::TaskGroup group("import");
  FileImports files(database());
  std::int64_t seen = 0;
  const auto start = [&]() -> Task<> {
    kit::db::ImportOptions options;
    options.progress = [&](std::size_t, std::size_t, std::int64_t rows) {
      seen = rows;
      if (rows >= 512) group.cancel();
    };
    Task<std::string> importing = files.import(*people_, text, std::move(options));
    co_await std::move(importing);
  };
  const auto whole = [&]() -> Task<> {
    group.spawn(start());
    co_await group.join();
  };
  EXPECT_EQ(reason_of(run(whole())), "CANCELLED");
  EXPECT_EQ(seen, 512);
  EXPECT_EQ(read("SELECT count(*) FROM people"), "0");
  EXPECT_EQ(read("SELECT count(*) FROM kit_history"), "0");
}

}  // namespace
}  // namespace office
