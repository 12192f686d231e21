// SPDX-License-Identifier: Apache-2.0
// How records are put together, and what becomes of a batch that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/db/import.hpp"

namespace kit::db {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Rows = std::vector<std::string>;

/// A transaction whose rows are those of an outer one once it has been committed. As PostgreSQL's
/// it takes nothing more after a failure, when it is told to.
class Unit final : public Transaction {
 public:
  Unit(Rows& outer, Dialect dialect) : outer_(outer), dialect_(dialect) {}

  Task<> query(std::string_view, std::span<const Parameter>, RowSink) override { co_return; }
  Task<Changed> execute(std::string_view, std::span<const Parameter>) override {
    co_return Changed{};
  }
  Dialect dialect() const override { return dialect_; }
  Task<std::unique_ptr<Transaction>> begin_nested() override {
    co_await usable();
    ++nested;
    std::unique_ptr<Transaction> inner = std::make_unique<Unit>(rows, dialect_);
    co_return inner;
  }
  Task<> check() override { return as_task(usable()); }
  Task<> commit() override {
    co_await usable();
    outer_.insert(outer_.end(), rows.begin(), rows.end());
  }
  Result<> usable() const {
    if (!failed) return {};
    return Error(Code::failed_precondition, "it has failed").with_reason("TRANSACTION_FAILED");
  }

  Rows rows;
  bool failed = false;
  static inline int nested = 0;

 private:
  static Task<> as_task(Result<> result) { co_await std::move(result); }

  Rows& outer_;
  Dialect dialect_;
};

/// "bad" is refused before any statement, "taken" by the database; "odd", "strange" and "stale"
/// only together with others.
struct Genres : ImportTarget {
  std::string_view name() const override { return "Genre"; }
  std::string_view file() const override { return "Genre.csv"; }
  std::span<const std::string_view> columns() const override {
    static constexpr std::array<std::string_view, 2> names = {"GenreId", "Name"};
    return names;
  }
  std::size_t key_columns() const override { return 1; }
  bool has_batches() const override { return true; }

  Task<Stored> store(Session& session, std::span<const csv::Field> fields) override {
    ++alone;
    auto& unit = static_cast<Unit&>(session);
    co_await unit.usable();
    if (fields[1] == "bad") co_return invalid("Name", "must not be bad");
    if (fields[1] == "taken") {
      unit.failed = unit.dialect() == Dialect::postgresql;
      co_return Error(Code::already_exists, "is taken").with_violation("Name", "is taken");
    }
    unit.rows.emplace_back(*fields[0]);
    co_return Stored::inserted;
  }
  Task<bool> store_batch(Transaction& session, std::span<const csv::Fields> records,
                         std::vector<Result<Stored>>& results) override {
    batches.push_back(records.size());
    auto& unit = static_cast<Unit&>(session);
    co_await unit.usable();
    for (const csv::Fields& fields : records) {
      if (fields[1] == "odd") co_return false;
    }
    for (const csv::Fields& fields : records) {
      if (fields[1] == "broken") co_return Error(Code::unavailable, "the database is gone");
      if (fields[1] == "taken" || fields[1] == "strange" || fields[1] == "stale") {
        unit.failed = unit.dialect() == Dialect::postgresql;
        if (fields[1] == "strange") co_return Error(Code::unimplemented, "not in bulk");
        if (fields[1] == "stale")
          co_return Error(Code::aborted, "it changed").with_reason("VERSION_MISMATCH");
        co_return Error(Code::already_exists, "one of them is taken");
      }
      if (fields[1] == "bad") {
        results.emplace_back(invalid("Name", "must not be bad"));
        continue;
      }
      unit.rows.emplace_back(*fields[0]);
      results.emplace_back(fields[1] == "same" ? Stored::unchanged : Stored::inserted);
    }
    co_return true;
  }
  Task<> each(Session&, RecordSink) override { co_return; }

  std::vector<std::size_t> batches;
  int alone = 0;
};

class ImportBatches : public testing::Test {
 protected:
  void SetUp() override { Unit::nested = 0; }
  void TearDown() override { std::filesystem::remove(path_); }

  static std::string record(int id, const std::string& name) {
    return std::to_string(id) + "," + name + "\n";
  }
  /// So many good records, but for those that are said.
  static std::string records(int count, const std::vector<std::pair<int, std::string>>& others) {
    std::string text = "GenreId,Name\n";
    for (int i = 1; i <= count; ++i) {
      std::string name = "good";
      for (const auto& [id, other] : others) {
        if (id == i) name = other;
      }
      text += record(i, name);
    }
    return text;
  }
  Result<ImportReport> import(const std::string& text, Dialect dialect = Dialect::sqlite) {
    std::ofstream(path_, std::ios::binary) << text;
    const std::unique_ptr<Loop> loop = make_epoll_loop().value();
    Rows outer;
    Unit unit(outer, dialect);
    Result<ImportReport> report = run(*loop, import_into(unit, target, path_, {}));
    rows = unit.rows;
    return report;
  }
  static std::vector<std::string> problems(const Result<ImportReport>& report) {
    std::vector<std::string> texts;
    if (!report.ok()) return {std::string(report.error().message())};
    for (const RowProblem& problem : report->problems) {
      texts.push_back(std::to_string(problem.line) + " " + problem.column + ": " +
                      problem.description);
    }
    return texts;
  }

  Genres target;
  Rows rows;

 private:
  std::string path_ = testing::TempDir() + "kit_batches_" + std::to_string(::getpid()) + ".csv";
};

TEST_F(ImportBatches, RecordsAreStoredTogether) {
  auto report = import(records(600, {{3, "same"}}));
  EXPECT_THAT(problems(report), IsEmpty());
  EXPECT_THAT(target.batches, ElementsAre(256U, 256U, 88U));
  EXPECT_EQ(target.alone, 0);
  EXPECT_EQ(report->inserted, 599);
  EXPECT_EQ(report->unchanged, 1);
  EXPECT_EQ(rows.size(), 600U);
  EXPECT_EQ(rows.back(), "600");
}

TEST_F(ImportBatches, OneRecordIsNoBatch) {
  EXPECT_THAT(problems(import(records(257, {}))), IsEmpty());
  EXPECT_THAT(target.batches, ElementsAre(256U));
  EXPECT_EQ(target.alone, 1);
}

TEST_F(ImportBatches, LargeRecordsAreFewTogether) {
  std::string text = "GenreId,Name\n";
  for (int i = 1; i <= 9; ++i) text += record(i, std::string(i == 9 ? 700'000 : 200'000, 'x'));
  EXPECT_THAT(problems(import(text)), IsEmpty());
  EXPECT_THAT(target.batches, ElementsAre(3U, 3U, 3U));
  EXPECT_EQ(rows.size(), 9U);
}

TEST_F(ImportBatches, WhatFailsIsStoredRecordByRecord) {
  for (const Dialect dialect : {Dialect::sqlite, Dialect::mysql}) {
    target = Genres();
    auto report = import(records(600, {{299, "bad"}, {300, "taken"}, {512, "taken"}}), dialect);
    EXPECT_THAT(problems(report), ElementsAre("300 Name: must not be bad", "301 Name: is taken",
                                              "513 Name: is taken"));
    EXPECT_THAT(target.batches, ElementsAre(256U, 256U, 88U));
    EXPECT_EQ(target.alone, 256);
    // What the batch had stored before it failed is not there twice.
    EXPECT_EQ(rows.size(), 597U);
  }
}

TEST_F(ImportBatches, AFileBeginsAgainWhereATransactionTakesNothingAfterAFailure) {
  auto report = import(records(600, {{300, "taken"}, {302, "bad"}}), Dialect::postgresql);
  EXPECT_THAT(problems(report), ElementsAre("301 Name: is taken", "303 Name: must not be bad"));
  // The second time each batch and then each record has a unit of work of its own.
  EXPECT_THAT(target.batches, ElementsAre(256U, 256U, 256U, 256U, 88U));
  EXPECT_EQ(target.alone, 256);
  EXPECT_EQ(Unit::nested, 1 + 3 + 256);
  EXPECT_EQ(rows.size(), 598U);
}

TEST_F(ImportBatches, WithoutAFailureThereIsOneUnitOfWork) {
  EXPECT_THAT(problems(import(records(600, {}), Dialect::postgresql)), IsEmpty());
  EXPECT_EQ(Unit::nested, 1);
  EXPECT_EQ(rows.size(), 600U);
}

TEST_F(ImportBatches, SomeCanOnlyBeStoredRecordByRecord) {
  for (const Dialect dialect : {Dialect::sqlite, Dialect::postgresql}) {
    target = Genres();
    auto report = import(records(300, {{7, "odd"}}), dialect);
    EXPECT_THAT(problems(report), IsEmpty());
    EXPECT_EQ(report->inserted, 300);
    EXPECT_EQ(target.alone, 256);
    EXPECT_EQ(rows.size(), 300U);
  }
}

TEST_F(ImportBatches, WhatIsRefusedInBulkOnlyIsStored) {
  for (const Dialect dialect : {Dialect::sqlite, Dialect::postgresql}) {
    target = Genres();
    auto report = import(records(600, {{7, "strange"}, {300, "stale"}}), dialect);
    EXPECT_THAT(problems(report), IsEmpty());
    EXPECT_EQ(target.alone, 512);
    EXPECT_EQ(rows.size(), 600U);
  }
}

TEST_F(ImportBatches, ProblemsAreInTheOrderOfTheLines) {
  std::string text = records(20, {{4, "bad"}, {9, "bad"}, {15, "bad"}});
  const std::size_t place = text.find("12,good");
  text.insert(place, "6,good\n1,2,3\n");
  EXPECT_THAT(problems(import(text)),
              ElementsAre("5 Name: must not be bad", "10 Name: must not be bad",
                          "13 GenreId: is given twice, first in line 7",
                          "14 : has 3 fields, the first record has 2", "18 Name: must not be bad"));
  EXPECT_THAT(target.batches, ElementsAre(11U, 9U));
}

TEST_F(ImportBatches, AThousandProblemsAreEnough) {
  std::string text = "GenreId,Name\n";
  for (int i = 1; i <= 3'000; ++i) text += record(i, "bad");
  auto report = import(text);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->problems.size(), 1000U);
  EXPECT_EQ(report->problems.back().line, 1001U);
  EXPECT_EQ(target.batches.size(), 4U);
}

TEST_F(ImportBatches, ABrokenDatabaseEndsIt) {
  auto report = import(records(600, {{300, "broken"}}));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code(), Code::unavailable);
  EXPECT_EQ(target.alone, 0);
}

}  // namespace
}  // namespace kit::db
