// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/server_store.hpp"

#include <algorithm>
#include <stdexcept>

#include "kit/base/text.hpp"
#include "kit/db/script.hpp"

namespace evolution {
namespace {

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::string bytes_of(const std::string& digits) {
  std::string bytes;
  const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  return bytes;
}

Value value_of(const Field& field, const std::optional<std::string>& cell) {
  if (!cell) return {};
  if (field.is_array || is_text(field.type)) return *cell;
  switch (field.type) {
    case Type::float32:
    case Type::float64:
      return kit::parse_double(*cell).value();
    case Type::bytes:
      return Bytes{bytes_of(*cell)};
    case Type::uuid:
    case Type::json:
    case Type::enumeration:
      return *cell;
    case Type::id:
      if (field.is_uuid) return *cell;
      break;
    default:
      break;
  }
  const auto number = kit::parse_int(*cell);
  if (!number) throw std::runtime_error("no number in " + field.name + ": " + *cell);
  return std::int64_t{*number};
}

}  // namespace

ServerStore::Table ServerStore::must(std::string_view sql) {
  auto done = run(sql);
  if (!done) throw std::runtime_error(done.error().message() + "\nin " + std::string(sql));
  return std::move(done).value();
}

std::size_t ServerStore::applied() {
  must("CREATE TABLE IF NOT EXISTS kit_migrations (number integer PRIMARY KEY)");
  const Table found = must("SELECT count(*) FROM kit_migrations");
  return static_cast<std::size_t>(kit::parse_int(found[0][0].value()).value());
}

kit::Result<> ServerStore::run_statements(const std::string& script, const std::string& file) {
  auto statements = kit::db::split_script(script);
  if (!statements) return std::move(statements).error();
  for (const kit::db::ScriptStatement& statement : *statements) {
    auto done = run(statement.sql);
    if (!done) {
      return kit::Error(kit::Code::internal, file + ":" + std::to_string(statement.line) + ": " +
                                                 done.error().message() + " in " +
                                                 std::string(statement.sql));
    }
    if (statement.check() && !done->empty())
      return kit::Error(kit::Code::failed_precondition, done->front().front().value_or("null"))
          .with_reason("MIGRATION_REFUSED");
  }
  return {};
}

kit::Result<> ServerStore::run_script(const std::string& script, const std::string& file) {
  const bool is_apart = script.find("-- kit:no-transaction") != std::string::npos;
  if (is_apart || !has_transactions()) return run_statements(script, file);
  must("BEGIN");
  auto done = run_statements(script, file);
  if (!done) {
    must("ROLLBACK");
    return done;
  }
  auto durable = run("COMMIT");
  if (!durable) return std::move(durable).error();
  return {};
}

kit::Result<> ServerStore::up(std::span<const kit::db::Migration> migrations) {
  for (std::size_t i = applied(); i < migrations.size(); ++i) {
    KIT_TRY(run_script(migrations[i].up, migrations[i].up_file));
    must("INSERT INTO kit_migrations VALUES (" + std::to_string(i + 1) + ")");
  }
  return {};
}

kit::Result<> ServerStore::down(std::span<const kit::db::Migration> migrations) {
  for (std::size_t i = applied(); i > 1; --i) {
    KIT_TRY(run_script(migrations[i - 1].down, migrations[i - 1].down_file));
    must("DELETE FROM kit_migrations WHERE number = " + std::to_string(i));
  }
  return {};
}

void ServerStore::insert(const Database& database, const Rows& rows, simulation::Chance& chance) {
  begin_insert();
  for (const evolution::Table& table : database.tables) {
    const auto found = rows.find(table.name);
    const bool is_empty = found == rows.end() || found->second.empty();
    std::int64_t last = 0;
    if (!is_empty) {
      std::string names;
      for (const Column& column : table.columns)
        names += (names.empty() ? "" : ", ") + quoted(column.name);
      std::string lines;
      for (const Row& row : found->second) {
        std::string values;
        for (const Column& column : table.columns) {
          values += values.empty() ? "" : ", ";
          values += is_null(row.at(column.name)) ? "NULL" : literal(column, row.at(column.name));
        }
        lines += (lines.empty() ? "(" : ",\n(") + values + ")";
        if (table.is_sequence) last = std::max(last, std::get<std::int64_t>(row.at("id")));
      }
      must("INSERT INTO " + quoted(table.name) + " (" + names + ") VALUES " + lines);
    }
    // As if rows with higher ids had been there and gone.
    if (!is_empty && table.is_sequence && chance.once_in(2)) last += 7;
    if (!is_empty && table.is_sequence) move_sequence(table, last);
  }
  end_insert();
}

Rows ServerStore::rows(const Database& database) {
  Rows rows;
  for (const evolution::Table& table : database.tables) {
    std::string names;
    for (const Column& column : table.columns)
      names += (names.empty() ? "" : ", ") + read_expression(column);
    auto& made = rows[table.name];
    for (const Cells& cells : must("SELECT " + names + " FROM " + quoted(table.name))) {
      Row& row = made.emplace_back();
      for (std::size_t i = 0; i < cells.size(); ++i)
        row[table.columns[i].name] = value_of(table.columns[i].field, cells[i]);
    }
  }
  return rows;
}

}  // namespace evolution
