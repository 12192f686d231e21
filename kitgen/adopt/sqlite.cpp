// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "kitgen/adopt/detail/reader.hpp"
#include "kitgen/adopt/detail/sql_text.hpp"

namespace kitgen::adopt {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;
using Clock = std::chrono::steady_clock;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct Finalise {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalise>;

/// One row: text by column number.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  std::string text(int column) const {
    const unsigned char* bytes = sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string()
                            : std::string(reinterpret_cast<const char*>(bytes), size);
  }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  int number(int column) const { return sqlite3_column_int(statement_, column); }

 private:
  sqlite3_stmt* statement_;
};

int is_late(void* until) {
  return Clock::now() > *static_cast<const Clock::time_point*>(until) ? 1 : 0;
}

class SqliteReader {
 public:
  SqliteReader(Handle database, const ReadOptions& options)
      : database_(std::move(database)), options_(options), until_(Clock::now() + options.timeout) {
    sqlite3_progress_handler(database_.get(), 10'000, is_late, &until_);
  }

  Result<Catalogue> read() {
    Catalogue catalogue;
    catalogue.engine = "SQLite " + std::string(sqlite3_libversion());
    KIT_TRY(each("BEGIN", {}, [](const Row&) {}));
    KIT_TRY(read_tables(catalogue));
    KIT_TRY(read_rest(catalogue));
    for (Table& table : catalogue.tables) {
      KIT_TRY(read_columns(table));
      KIT_TRY(read_foreign_keys(table));
      KIT_TRY(read_indexes(table));
    }
    return catalogue;
  }

 private:
  template <class Take>
  Result<> each(const char* sql, const std::string& argument, Take take) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql, -1, &made, nullptr) != SQLITE_OK) return failure();
    const Statement statement(made);
    if (sqlite3_bind_parameter_count(made) > 0) {
      sqlite3_bind_text(made, 1, argument.data(), static_cast<int>(argument.size()), SQLITE_STATIC);
    }
    int step = sqlite3_step(made);
    for (; step == SQLITE_ROW; step = sqlite3_step(made)) take(Row(made));
    if (step != SQLITE_DONE) return failure();
    return {};
  }

  Error failure() const {
    const int code = sqlite3_errcode(database_.get());
    if (code == SQLITE_INTERRUPT)
      return {Code::deadline_exceeded,
              "the database took longer than " + std::to_string(options_.timeout.count()) + " s"};
    if (code == SQLITE_NOTADB) return {Code::invalid_argument, "the file is no SQLite database"};
    return {Code::unavailable, std::string("SQLite: ") + sqlite3_errmsg(database_.get())};
  }

  Result<> read_tables(Catalogue& catalogue) {
    const char* sql =
        "SELECT l.name, l.type, l.wr, m.sql FROM pragma_table_list l LEFT JOIN sqlite_master m ON "
        "m.name = l.name AND m.type = 'table' WHERE l.schema = 'main' ORDER BY m.rowid";
    return each(sql, {}, [&](const Row& row) {
      const std::string name = row.text(0);
      const std::string type = row.text(1);
      if (name.starts_with("sqlite_") || !is_wanted(options_, name)) return;
      if (type == "virtual") catalogue.not_carried.push_back("virtual table " + name);
      if (type != "table") return;
      Table table;
      table.name = name;
      for (std::string& check : checks_of(row.text(3)))
        table.checks.push_back({"", std::move(check)});
      catalogue.tables.push_back(std::move(table));
    });
  }

  Result<> read_rest(Catalogue& catalogue) {
    return each("SELECT type, name, tbl_name FROM sqlite_master ORDER BY rowid", {},
                [&](const Row& row) {
                  const std::string type = row.text(0);
                  if (type == "view") catalogue.not_carried.push_back("view " + row.text(1));
                  if (type != "trigger") return;
                  const auto table = std::ranges::find(catalogue.tables, row.text(2), &Table::name);
                  if (table != catalogue.tables.end()) table->triggers.push_back(row.text(1));
                });
  }

  Result<> read_columns(Table& table) {
    std::vector<std::pair<int, std::string>> key;
    Result<> read =
        each("SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)",
             table.name, [&](const Row& row) {
               Column column;
               column.name = row.text(0);
               column.type = sqlite_type(row.text(1));
               column.nullable = row.number(2) == 0 && row.number(4) == 0;
               if (!row.is_null(3)) column.default_sql = row.text(3);
               if (row.number(4) > 0) key.emplace_back(row.number(4), column.name);
               column.is_generated = row.number(5) == 2 || row.number(5) == 3;
               if (row.number(5) != 1) table.columns.push_back(std::move(column));
             });
    if (!read) return read;
    std::ranges::sort(key);
    for (auto& [place, name] : key) table.primary_key.push_back(std::move(name));
    return {};
  }

  Result<> read_foreign_keys(Table& table) {
    std::vector<std::pair<int, ForeignKey>> keys;
    Result<> read = each(
        "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM "
        "pragma_foreign_key_list(?1) ORDER BY id DESC, seq",
        table.name, [&](const Row& row) {
          if (keys.empty() || keys.back().first != row.number(0)) {
            keys.emplace_back(row.number(0), ForeignKey{});
            keys.back().second.table = row.text(1);
            keys.back().second.on_update = row.text(4);
            keys.back().second.on_delete = row.text(5);
          }
          keys.back().second.columns.push_back(row.text(2));
          if (!row.is_null(3)) keys.back().second.table_columns.push_back(row.text(3));
        });
    if (!read) return read;
    for (auto& [id, key] : keys) table.foreign_keys.push_back(std::move(key));
    return {};
  }

  Result<> read_indexes(Table& table) {
    Result<> read = each(
        "SELECT i.name, i.\"unique\", i.origin, m.sql FROM pragma_index_list(?1) i LEFT JOIN "
        "sqlite_master m ON m.type = 'index' AND m.name = i.name ORDER BY i.seq DESC",
        table.name, [&](const Row& row) {
          if (row.text(2) == "pk") return;
          Index index;
          index.name = row.text(0);
          index.unique = row.number(1) != 0;
          index.where = where_of(row.text(3));
          table.indexes.push_back(std::move(index));
        });
    if (!read) return read;
    for (Index& index : table.indexes) {
      KIT_TRY(each(
          "SELECT name, \"desc\", coll, cid FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno",
          index.name, [&](const Row& row) {
            if (row.number(3) < 0) index.note = "it indexes an expression";
            if (row.number(1) != 0) lose(index, "its order");
            if (row.text(2) == "NOCASE") lose(index, "that it ignores case");
            index.columns.push_back(row.text(0));
          }));
    }
    return {};
  }

  Handle database_;
  const ReadOptions& options_;
  Clock::time_point until_;
};

}  // namespace

Result<Catalogue> read_sqlite(const std::string& path, const ReadOptions& options) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code))
    return Error(Code::not_found, "there is no database " + path);
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  Handle database(opened);
  if (result != SQLITE_OK)
    return Error(Code::unavailable, path + ": " + std::string(sqlite3_errstr(result)));
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  constexpr int busy_ms = 5'000;
  sqlite3_busy_timeout(database.get(), busy_ms);
  auto catalogue = SqliteReader(std::move(database), options).read();
  if (!catalogue) {
    Error error = std::move(catalogue).error();
    return Error(error.code(), path + ": " + std::string(error.message()));
  }
  catalogue->name = std::filesystem::path(path).stem().string();
  return catalogue;
}

}  // namespace kitgen::adopt
