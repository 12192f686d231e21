// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/file.hpp"

#include <algorithm>
#include <stdexcept>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "tests/evolution/fill.hpp"

namespace evolution {
namespace {

template <class T>
T must(kit::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().describe());
  return std::move(result).value();
}

kit::db::Parameter parameter(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* text = std::get_if<std::string>(&value)) return std::string_view(*text);
  if (const auto* bytes = std::get_if<Bytes>(&value)) return kit::db::Blob{bytes->bytes};
  return nullptr;
}

using Statements = std::vector<std::pair<std::string, std::vector<Value>>>;

kit::Task<> run_all(kit::db::Database& database, const Statements& statements) {
  auto transaction = co_await database.begin_schema();
  for (const auto& [sql, values] : statements) {
    std::vector<kit::db::Parameter> parameters;
    for (const Value& value : values) parameters.push_back(parameter(value));
    co_await transaction->execute(sql, parameters);
  }
  co_await transaction->commit();
}

Value value_of(const kit::db::Row& row, int column) {
  const std::string_view type = row.text(column);
  if (type == "integer") return row.int64(column + 1);
  if (type == "real") return row.real(column + 1);
  if (type == "text") return std::string(row.text(column + 1));
  if (type == "blob") return Bytes{std::string(row.text(column + 1))};
  return {};
}

/// Each value comes behind the name of its type.
kit::Task<std::vector<std::vector<Value>>> read_all(kit::db::Database& database,
                                                    const std::string& sql, std::size_t count) {
  std::vector<std::vector<Value>> rows;
  auto read = [&](const kit::db::Row& row) -> kit::Result<> {
    auto& made = rows.emplace_back();
    for (std::size_t i = 0; i < count; ++i) made.push_back(value_of(row, static_cast<int>(2 * i)));
    return {};
  };
  kit::db::RowSink sink(read);
  co_await database.query(sql, {}, sink);
  co_return std::move(rows);
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

}  // namespace

File::File(const std::string& path) {
  loop_ = must(kit::make_epoll_loop());
  kit::sqlite::SqliteOptions options;
  options.path = path;
  options.synchronous = kit::sqlite::Synchronous::off;
  database_ = must(kit::sqlite::open(options));
}

File::~File() = default;

kit::Result<> File::up(std::span<const kit::db::Migration> migrations) {
  kit::db::Migrator migrator(*database_, migrations);
  kit::db::MigrationOptions options;
  options.allow_destructive = true;
  auto done = kit::run(*loop_, migrator.up(options));
  if (!done) return std::move(done).error();
  return {};
}

kit::Result<> File::down(std::span<const kit::db::Migration> migrations) {
  kit::db::Migrator migrator(*database_, migrations);
  auto done = kit::run(*loop_, migrator.down());
  if (!done) return std::move(done).error();
  return {};
}

void File::execute(const Statements& statements) {
  must(kit::run(*loop_, run_all(*database_, statements)));
}

std::vector<std::vector<Value>> File::select(const std::vector<std::string>& expressions,
                                             const std::string& rest) {
  std::string sql;
  for (const std::string& each : expressions)
    sql += (sql.empty() ? "SELECT typeof(" : ", typeof(") + each + "), " + each;
  sql += " " + rest;
  return must(kit::run(*loop_, read_all(*database_, sql, expressions.size())));
}

Rows read_rows(File& file, const Database& database) {
  Rows rows;
  for (const Table& table : database.tables) {
    std::vector<std::string> names;
    for (const Column& column : table.columns) names.push_back(quoted(column.name));
    auto& made = rows[table.name];
    for (auto& values : file.select(names, "FROM " + quoted(table.name))) {
      Row& row = made.emplace_back();
      for (std::size_t i = 0; i < values.size(); ++i)
        row[table.columns[i].name] = std::move(values[i]);
    }
  }
  return rows;
}

std::map<std::string, std::int64_t> read_sequences(File& file) {
  std::map<std::string, std::int64_t> sequences;
  const auto known = file.select({"count(*)"}, "FROM sqlite_schema WHERE name = 'sqlite_sequence'");
  if (known[0][0] == Value(std::int64_t{0})) return sequences;
  for (const auto& row : file.select({"name", "seq"}, "FROM sqlite_sequence"))
    sequences[std::get<std::string>(row[0])] = std::get<std::int64_t>(row[1]);
  return sequences;
}

namespace {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::string& path) : file_(path) {}

  kit::Result<> up(std::span<const kit::db::Migration> migrations) override {
    return file_.up(migrations);
  }
  kit::Result<> down(std::span<const kit::db::Migration> migrations) override {
    return file_.down(migrations);
  }
  void insert(const Database& database, const Rows& rows, Chance& chance) override {
    evolution::insert(file_, database, rows, chance);
  }
  Rows rows(const Database& database) override { return read_rows(file_, database); }
  std::vector<std::string> catalogue() override { return read_catalogue(file_); }
  std::map<std::string, std::int64_t> sequences() override { return read_sequences(file_); }
  std::string check_integrity() override { return evolution::check_integrity(file_); }

 private:
  File file_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite(const std::string& place) {
  return std::make_unique<SqliteStore>(place);
}

std::string check_integrity(File& file) {
  std::string text;
  for (const auto& row : file.select({"integrity_check"}, "FROM pragma_integrity_check")) {
    if (row[0] != Value(std::string("ok"))) text += to_text(row[0]) + "\n";
  }
  for (const auto& row : file.select({"\"table\"", "rowid"}, "FROM pragma_foreign_key_check"))
    text += "foreign key of " + to_text(row[0]) + " row " + to_text(row[1]) + "\n";
  return text;
}

}  // namespace evolution
