// SPDX-License-Identifier: Apache-2.0
#include "kit/db/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"

namespace kit::db {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A database that only knows the import history and the target's rows.
struct Memory : Database {
  std::set<std::string> history;  ///< "file sum"
  std::vector<std::string> rows;
  std::optional<Error> check_failure;
  Function<void()> on_begin;
  int begun = 0;

  struct Unit : Transaction {
    explicit Unit(Memory& owner) : memory(owner) {}
    Task<> query(std::string_view, std::span<const Parameter> parameters, RowSink sink) override {
      struct One final : Row {
        bool is_null(int) const override { return false; }
        std::int64_t int64(int) const override { return 1; }
        std::int64_t scaled(int, int) const override { return 1; }
        double real(int) const override { return 1; }
        std::string_view text(int) const override { return "1"; }
      } one;
      if (memory.history.contains(key(parameters))) co_await sink(one);
    }
    Dialect dialect() const override { return Dialect::sqlite; }
    Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override {
      if (sql.starts_with("INSERT INTO kit_imports")) new_history.insert(key(parameters));
      co_return Changed{};
    }
    Task<std::unique_ptr<Transaction>> begin_nested() override {
      co_return Error(Code::unimplemented, "no units of work inside one another");
    }
    Task<> check() override {
      if (memory.check_failure && !new_rows.empty()) co_await memory.check_failure->clone();
    }
    Task<> commit() override {
      memory.history.merge(new_history);
      memory.rows.insert(memory.rows.end(), new_rows.begin(), new_rows.end());
      co_return;
    }
    static std::string key(std::span<const Parameter> parameters) {
      return std::string(std::get<std::string_view>(parameters[0])) + " " +
             std::string(std::get<std::string_view>(parameters[1]));
    }
    Memory& memory;
    std::set<std::string> new_history;
    std::vector<std::string> new_rows;
  };

  Task<> query(std::string_view, std::span<const Parameter>, RowSink) override { co_return; }
  Task<Changed> execute(std::string_view, std::span<const Parameter>) override {
    co_return Changed{};
  }
  Task<std::unique_ptr<Transaction>> begin() override {
    ++begun;
    if (on_begin) on_begin();
    co_return std::unique_ptr<Transaction>(std::make_unique<Unit>(*this));
  }
  Task<std::unique_ptr<Transaction>> begin_isolated(Isolation) override { return begin(); }
  Task<std::unique_ptr<Transaction>> begin_read() override { return begin(); }
  Session& replica() override { return *this; }
  Dialect dialect() const override { return Dialect::sqlite; }
};

/// Keeps "id/name"; refuses names that are "bad", the database breaks at "broken".
struct Genres : ImportTarget {
  std::string_view name() const override { return "Genre"; }
  std::string_view file() const override { return "Genre.csv"; }
  std::span<const std::string_view> columns() const override {
    static constexpr std::array<std::string_view, 2> names = {"GenreId", "Name"};
    return names;
  }
  std::size_t key_columns() const override { return keys; }
  Task<Stored> store(Session& session, std::span<const csv::Field> fields) override {
    if (fields[1] == "bad") co_return invalid("Name", "must not be bad");
    if (fields[1] == "twice") co_return Error(Code::already_exists, "is there already");
    if (fields[1] == "broken") co_return Error(Code::unavailable, "the database is gone");
    if (fields[1] == "same") co_return Stored::unchanged;
    static_cast<Memory::Unit&>(session).new_rows.push_back(
        std::string(fields[0].value_or("null")) + "/" + std::string(fields[1].value_or("null")));
    co_return fields[1] == "new" ? Stored::updated : Stored::inserted;
  }
  Task<> verify(Session&, std::span<const csv::Field> fields) override {
    if (fields[1] == "dangling") co_await invalid("Name", "refers to nothing");
  }
  Task<> each(Session&, RecordSink) override { co_return; }

  std::size_t keys = 1;
};

struct ImportTest : testing::Test {
  Result<ImportReport> import(const std::string& text, bool skip_known = false) {
    std::ofstream(path, std::ios::binary) << text;
    const std::unique_ptr<Loop> loop = make_epoll_loop().value();
    ImportOptions options;
    options.skip_known = skip_known;
    options.progress = [this](std::size_t bytes, std::size_t total, std::int64_t rows) {
      progress.push_back({bytes, total, static_cast<std::size_t>(rows)});
    };
    return run(*loop, import_file(memory, target, path, std::move(options)));
  }
  /// "2 Name: must not be bad"
  static std::vector<std::string> problems(const ImportReport& report) {
    std::vector<std::string> texts;
    for (const RowProblem& problem : report.problems) {
      texts.push_back(std::to_string(problem.line) + " " + problem.column + ": " +
                      problem.description);
    }
    return texts;
  }
  void TearDown() override { std::filesystem::remove(path); }

  std::string path = testing::TempDir() + "kit_import_" + std::to_string(::getpid()) + ".csv";
  Memory memory;
  Genres target;
  std::vector<std::array<std::size_t, 3>> progress;
};

TEST_F(ImportTest, stores_all_rows_and_remembers_the_file) {
  auto report = import("Name,GenreId\nRock,1\nnew,2\nsame,3\n\"A, B\",4\n");
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_EQ(report->target, "Genre");
  EXPECT_EQ(report->inserted, 2);
  EXPECT_EQ(report->updated, 1);
  EXPECT_EQ(report->unchanged, 1);
  EXPECT_THAT(problems(*report), IsEmpty());
  EXPECT_THAT(memory.rows, ElementsAre("1/Rock", "2/new", "4/A, B"));
  EXPECT_EQ(memory.history.size(), 1U);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back()[0], progress.back()[1]);
  EXPECT_EQ(progress.back()[2], 4U);
}

TEST_F(ImportTest, skips_a_known_file_on_request) {
  const std::string text = "GenreId,Name\n1,Rock\n";
  ASSERT_TRUE(import(text).ok());
  auto again = import(text, true);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->skipped);
  EXPECT_EQ(memory.rows.size(), 1U);
  auto changed = import(text + "2,Jazz\n", true);
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(changed->skipped);
  EXPECT_EQ(changed->inserted, 2);
  ASSERT_TRUE(import(text).ok());  // asked for: stored again
  EXPECT_EQ(memory.rows.size(), 4U);
}

TEST_F(ImportTest, a_file_that_takes_the_path_meanwhile_is_another) {
  const std::string old_text = "GenreId,Name\n1,Rock\n";
  const std::string new_text = "GenreId,Name\n2,Jazz\n";
  memory.on_begin = [&] {
    std::ofstream(path + ".new", std::ios::binary) << new_text;
    std::filesystem::rename(path + ".new", path);
    memory.on_begin = {};
  };
  ASSERT_TRUE(import(old_text).ok());
  EXPECT_THAT(memory.rows, ElementsAre("1/Rock"));
  EXPECT_FALSE(import(new_text, true)->skipped);
  EXPECT_TRUE(import(old_text, true)->skipped);
}

TEST_F(ImportTest, tells_every_bad_row_and_keeps_nothing) {
  auto report = import("GenreId,Name\n1,Rock\n2,bad\n3\n4,x\"y\n5,twice\n6,Jazz\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(
      problems(*report),
      ElementsAre("3 Name: must not be bad", "4 : has 1 field, the first record has 2",
                  "5 : a quote inside an unquoted field (quote the field and double the quote)",
                  "6 : is there already"));
  EXPECT_EQ(report->inserted, 0);
  EXPECT_THAT(memory.rows, IsEmpty());
  EXPECT_THAT(memory.history, IsEmpty());
}

TEST_F(ImportTest, tells_an_empty_text_from_none) {
  auto report = import("GenreId,Name\n1,\n2,\"\"\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(memory.rows, ElementsAre("1/null", "2/"));
}

TEST_F(ImportTest, a_key_that_is_given_twice_is_a_problem) {
  auto report = import("Name,GenreId\nRock,1\nbad,2\n\"Jazz\nand Blues\",3\nPop,2\n,\nFolk,1\n,\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(problems(*report),
              ElementsAre("3 Name: must not be bad", "6 GenreId: is given twice, first in line 3",
                          "8 GenreId: is given twice, first in line 2"))
      << "records without a key are the target's to refuse";
  EXPECT_THAT(memory.rows, IsEmpty());
}

TEST_F(ImportTest, a_key_of_two_columns_is_the_pair) {
  target.keys = 2;
  auto report = import("GenreId,Name\n1,Rock\n1,Jazz\n11,Rock\n1,Rock\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(problems(*report), ElementsAre("5 GenreId, Name: is given twice, first in line 2"));
}

TEST_F(ImportTest, checks_the_header) {
  auto report = import("GenreID,Name,Name,Colour\n1,Rock,x,y\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(problems(*report),
              ElementsAre("1 GenreID: is not a column of Genre (did you mean 'GenreId'?)",
                          "1 Name: is given twice", "1 Colour: is not a column of Genre",
                          "1 GenreId: is missing"));
  EXPECT_THAT(memory.rows, IsEmpty());
  auto empty = import("");
  ASSERT_TRUE(empty.ok());
  EXPECT_THAT(problems(*empty), ElementsAre("1 : the file is empty: it has no header"));
}

TEST_F(ImportTest, stops_at_a_thousand_problems) {
  std::string text = "GenreId,Name\n";
  for (int i = 0; i < 1200; ++i) text += std::to_string(i) + ",bad\n";
  auto report = import(text);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->problems.size(), 1000U);
  EXPECT_EQ(report->problems.back().line, 1001U);
}

TEST_F(ImportTest, a_broken_database_ends_it) {
  auto report = import("GenreId,Name\n1,Rock\n2,broken\n");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code(), Code::unavailable);
  EXPECT_THAT(memory.rows, IsEmpty());
}

TEST_F(ImportTest, a_reference_refused_at_the_end_is_a_problem_of_the_file) {
  memory.check_failure = Error(Code::failed_precondition, "FOREIGN KEY constraint failed");
  auto report = import("GenreId,Name\n1,Rock\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(problems(*report),
              ElementsAre("0 : a record refers to one that is neither in the file nor in the "
                          "database"));
  EXPECT_EQ(report->inserted, 0);
}

TEST_F(ImportTest, a_reference_refused_at_the_end_is_found_by_reading_the_file_again) {
  memory.check_failure = Error(Code::failed_precondition, "FOREIGN KEY constraint failed");
  std::string text = "Name,GenreId\nRock,1\ndangling,2\n";
  for (int i = 3; i < 1000; ++i) text += "\"two\nlines\"," + std::to_string(i) + "\n";
  auto report = import(text + "dangling,1000\n");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(problems(*report),
              ElementsAre("3 Name: refers to nothing", "1998 Name: refers to nothing"));
  EXPECT_EQ(report->inserted, 0);
  EXPECT_THAT(memory.rows, IsEmpty());
}

TEST_F(ImportTest, a_file_is_not_blamed_for_what_another_left_dangling) {
  memory.check_failure = Error(Code::failed_precondition, "FOREIGN KEY constraint failed");
  std::ofstream(path, std::ios::binary) << "GenreId,Name\n1,Rock\n";
  const std::unique_ptr<Loop> loop = make_epoll_loop().value();
  Memory::Unit unit(memory);
  unit.new_rows.push_back("9/dangling");
  auto report = run(*loop, import_into(unit, target, path, {}));
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(problems(*report), IsEmpty());
}

TEST_F(ImportTest, into_a_transaction_keeps_nothing_by_itself) {
  std::ofstream(path, std::ios::binary) << "GenreId,Name\n1,Rock\n";
  const std::unique_ptr<Loop> loop = make_epoll_loop().value();
  Memory::Unit unit(memory);
  auto report = run(*loop, import_into(unit, target, path, {}));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->inserted, 1);
  EXPECT_THAT(unit.new_rows, ElementsAre("1/Rock"));
  EXPECT_THAT(memory.rows, IsEmpty());
  EXPECT_THAT(memory.history, IsEmpty());
}

TEST_F(ImportTest, a_missing_file_never_takes_the_writer) {
  const std::unique_ptr<Loop> loop = make_epoll_loop().value();
  auto report = run(*loop, import_file(memory, target, "/nonexistent/Genre.csv", {}));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code(), Code::not_found);
  EXPECT_EQ(memory.begun, 0);
}

}  // namespace
}  // namespace kit::db
