// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/loop.hpp"
#include "kit/db/migrations.hpp"
#include "tests/evolution/model.hpp"
#include "tests/evolution/store.hpp"

namespace evolution {

/// An open SQLite file. What can't fail in this test throws.
class File {
 public:
  explicit File(const std::string& path);
  ~File();

  kit::Result<> up(std::span<const kit::db::Migration> migrations);
  kit::Result<> down(std::span<const kit::db::Migration> migrations);

  /// Runs statements in one transaction whose foreign keys are checked at its end.
  void execute(const std::vector<std::pair<std::string, std::vector<Value>>>& statements);
  /// The values of these expressions: SELECT expressions rest.
  std::vector<std::vector<Value>> select(const std::vector<std::string>& expressions,
                                         const std::string& rest);

 private:
  std::unique_ptr<kit::Loop> loop_;
  std::unique_ptr<kit::sqlite::SqliteDatabase> database_;
};

/// All rows of the tables.
Rows read_rows(File& file, const Database& database);

/// What the database's own catalogue says, in an order of its own and without differences that mean
/// nothing: the order of columns, quotes around names, where a foreign key is written.
std::vector<std::string> read_catalogue(File& file);

/// The highest id ever given, by table.
std::map<std::string, std::int64_t> read_sequences(File& file);

/// What SQLite's own checks find; "" for nothing.
std::string check_integrity(File& file);

std::string difference(const std::vector<std::string>& expected,
                       const std::vector<std::string>& found);

}  // namespace evolution
