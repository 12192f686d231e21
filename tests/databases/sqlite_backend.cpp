// SPDX-License-Identifier: Apache-2.0
#include "backend.hpp"
#include "kit/adapters/sqlite/test_database.hpp"

namespace kit::tests {
namespace {

class Sqlite final : public Backend {
 public:
  db::Database& database() override { return *database_; }
  std::string kinds() const override {
    return "id INTEGER PRIMARY KEY, i64 INTEGER, i32 INTEGER, flag INTEGER, amount INTEGER, "
           "at INTEGER, day INTEGER, clock INTEGER, uid TEXT, doc TEXT, label TEXT, data BLOB, "
           "ratio REAL";
  }
  std::string identity() const override { return "INTEGER PRIMARY KEY"; }
  std::string text(int length) const override {
    return "TEXT CHECK (length(label) <= " + std::to_string(length) + ")";
  }
  std::string table_end() const override { return " STRICT"; }
  std::string slow_query(int) const override {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
           "SELECT count(*) FROM n WHERE i < 0";
  }
  std::string series(std::int64_t rows) const override {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(rows) + ") SELECT i, hex(zeroblob(100)) FROM n";
  }
  bool writes_concurrently() const override { return false; }

 private:
  sqlite::TestDatabase database_;
};

}  // namespace

std::unique_ptr<Backend> Backend::make() {
  return std::make_unique<Sqlite>();
}

}  // namespace kit::tests
