// SPDX-License-Identifier: Apache-2.0
#include <libpq-fe.h>

#include <algorithm>
#include <stdexcept>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "tests/evolution/server_store.hpp"

namespace evolution {
namespace {

struct Close {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
};

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

class PostgresStore final : public ServerStore {
 public:
  PostgresStore(const std::string& url, std::string place) : place_(std::move(place)) {
    connection_.reset(PQconnectdb(url.c_str()));
    if (PQstatus(connection_.get()) != CONNECTION_OK)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    must("SET client_min_messages = warning");
    must("SET TimeZone = 'UTC'");
    must("SET extra_float_digits = 1");
    must("CREATE SCHEMA IF NOT EXISTS " + place_);
    must("SET search_path = " + place_);
  }

  std::vector<std::string> catalogue() override {
    std::vector<std::string> lines;
    const auto add = [&](const std::string& sql) {
      for (const Cells& cells : must(replaced(sql, "$place", "'" + place_ + "'"))) {
        std::string line;
        for (const auto& cell : cells) line += cell.value_or("null") + " ";
        lines.push_back(replaced(line, place_ + ".", ""));
      }
    };
    add(columns_sql);
    add(constraints_sql);
    add(indexes_sql);
    std::ranges::sort(lines);
    return lines;
  }

  std::map<std::string, std::int64_t> sequences() override {
    std::map<std::string, std::int64_t> found;
    for (const Cells& cells : must(
             "SELECT c.relname, s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND "
             "d.deptype = 'i' JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = "
             "c.relnamespace WHERE s.relkind = 'S' AND n.nspname = '" +
             place_ + "' AND c.relname NOT LIKE 'kit%'")) {
      const Table last = must(
          "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END "
          "FROM " +
          quoted(cells[1].value()));
      found[cells[0].value()] = kit::parse_int(last[0][0].value()).value();
    }
    return found;
  }

  std::string check_integrity() override {
    std::string text;
    for (const Cells& cells :
         must("SELECT conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace "
              "WHERE NOT convalidated AND n.nspname = '" +
              place_ + "'"))
      text += "a constraint that was never checked: " + cells[0].value() + "\n";
    for (const Cells& cells :
         must("SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT "
              "i.indisvalid"))
      text += "an index that is half done: " + cells[0].value() + "\n";
    return text;
  }

 protected:
  kit::Result<Table> run(std::string_view sql) override {
    const std::unique_ptr<PGresult, Close> result(
        PQexec(connection_.get(), std::string(sql).c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      return kit::Error(kit::Code::failed_precondition,
                        std::string(kit::trim(PQresultErrorMessage(result.get()))));
    }
    Table table;
    for (int i = 0; i < PQntuples(result.get()); ++i) {
      Cells& cells = table.emplace_back();
      for (int k = 0; k < PQnfields(result.get()); ++k) {
        const bool is_null = PQgetisnull(result.get(), i, k) != 0;
        cells.push_back(is_null ? std::nullopt
                                : std::optional<std::string>(PQgetvalue(result.get(), i, k)));
      }
    }
    return table;
  }

  bool has_transactions() const override { return true; }

  std::string read_expression(const Column& column) const override {
    const std::string name = quoted(column.name);
    if (column.field.is_array) return name + "::text";
    switch (column.field.type) {
      case Type::boolean:
        return name + "::integer";
      case Type::decimal:
        return "(" + name + " * 1" +
               std::string(static_cast<std::size_t>(column.field.scale), '0') + ")::bigint";
      case Type::float32:
        return name + "::double precision";
      case Type::date:
        return name + " - DATE '1970-01-01'";
      case Type::time:
      case Type::timestamp:
        return "(extract(epoch FROM " + name + ") * 1000000)::bigint";
      case Type::bytes:
        return "encode(" + name + ", 'hex')";
      default:
        return name;
    }
  }

  std::string literal(const Column& column, const Value& value) const override {
    if (const auto* text = std::get_if<std::string>(&value)) return quoted_text(*text);
    if (const auto* bytes = std::get_if<Bytes>(&value)) return "'\\" + to_text(*bytes) + "'::bytea";
    if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
    const std::int64_t number = std::get<std::int64_t>(value);
    const std::string digits = std::to_string(number);
    const std::string steps = "(" + digits + ") * interval '1 microsecond'";
    switch (column.field.type) {
      case Type::boolean:
        return number != 0 ? "true" : "false";
      case Type::decimal:
        return kit::Decimal(number, column.field.scale).to_string();
      case Type::date:
        return "DATE '1970-01-01' + (" + digits + ")";
      case Type::time:
        return "TIME '00:00' + " + steps;
      case Type::timestamp:
        return "TIMESTAMPTZ '1970-01-01Z' + " + steps;
      default:
        return digits;
    }
  }

  std::string quoted_text(const std::string& text) const override {
    return "'" + replaced(text, "'", "''") + "'";
  }

  void begin_insert() override { must("SET session_replication_role = replica"); }

  void move_sequence(const evolution::Table& table, std::int64_t last_id) override {
    must("SELECT setval(pg_get_serial_sequence('" + quoted(table.name) + "', 'id'), " +
         std::to_string(last_id) + ")");
  }

  void end_insert() override { must("SET session_replication_role = origin"); }

 private:
  static constexpr const char* columns_sql =
      "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
      "a.attidentity, pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation "
      "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "
      "c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
      "WHERE n.nspname = $place AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND "
      "c.relname <> 'kit_migrations'";
  static constexpr const char* constraints_sql =
      "SELECT conrelid::regclass, conname, pg_get_constraintdef(k.oid), condeferred FROM "
      "pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE n.nspname = $place AND "
      "conrelid::regclass::text <> 'kit_migrations'";
  static constexpr const char* indexes_sql =
      "SELECT pg_get_indexdef(i.indexrelid), indisunique, indisvalid FROM pg_index i JOIN pg_class "
      "c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "
      "$place AND c.relname <> 'kit_migrations'";

  std::string place_;
  std::unique_ptr<PGconn, Close> connection_;
};

}  // namespace

std::unique_ptr<Store> open_postgres(const std::string& url, const std::string& place) {
  return std::make_unique<PostgresStore>(url, place);
}

void clear_postgres(const std::string& url, const std::string& place) {
  const std::unique_ptr<PGconn, Close> connection(PQconnectdb(url.c_str()));
  const std::string sql =
      "SET client_min_messages = warning; DROP SCHEMA IF EXISTS " + place + " CASCADE";
  const std::unique_ptr<PGresult, Close> result(PQexec(connection.get(), sql.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
}

}  // namespace evolution
