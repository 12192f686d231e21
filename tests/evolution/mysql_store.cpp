// SPDX-License-Identifier: Apache-2.0
#include <mysql.h>

#include <algorithm>
#include <stdexcept>

#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "tests/evolution/server_store.hpp"

namespace evolution {
namespace {

struct Close {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using Connection = std::unique_ptr<MYSQL, Close>;

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return plain;
}

/// mysql://user:password@host:port/...
Connection connect(const std::string& url) {
  const std::string rest = url.substr(url.find("://") + 3);
  const std::size_t at = rest.find('@');
  const std::string who = rest.substr(0, at);
  const std::string where = rest.substr(at + 1, rest.find('/') - at - 1);
  const std::size_t colon = who.find(':');
  const std::size_t port = where.find(':');
  Connection connection(mysql_init(nullptr));
  mysql_options(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (mysql_real_connect(
          connection.get(), where.substr(0, port).c_str(), unescaped(who.substr(0, colon)).c_str(),
          unescaped(who.substr(colon + 1)).c_str(), nullptr,
          static_cast<unsigned>(std::stoi(where.substr(port + 1))), nullptr, 0) == nullptr)
    throw std::runtime_error(mysql_error(connection.get()));
  return connection;
}

class MysqlStore final : public ServerStore {
 public:
  MysqlStore(const std::string& url, std::string place)
      : place_(std::move(place)), connection_(connect(url)) {
    must(
        "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,ONLY_FULL_GROUP_BY,"
        "NO_ENGINE_SUBSTITUTION'");
    must("SET time_zone = '+00:00'");
    must("CREATE DATABASE IF NOT EXISTS " + place_ + " CHARACTER SET utf8mb4");
    must("USE " + place_);
  }

  std::vector<std::string> catalogue() override {
    std::vector<std::string> lines;
    for (const char* sql : {columns_sql, indexes_sql, keys_sql, checks_sql}) {
      for (const Cells& cells : must(replaced(sql, "$place", "'" + place_ + "'"))) {
        std::string line;
        for (const auto& cell : cells) line += cell.value_or("null") + " ";
        lines.push_back(std::move(line));
      }
    }
    std::ranges::sort(lines);
    return lines;
  }

  std::map<std::string, std::int64_t> sequences() override {
    std::map<std::string, std::int64_t> found;
    for (const Cells& cells :
         must("SELECT table_name, auto_increment - 1 FROM information_schema.tables WHERE "
              "auto_increment IS NOT NULL AND table_schema = '" +
              place_ + "' AND table_name NOT LIKE 'kit%'"))
      found[cells[0].value()] = kit::parse_int(cells[1].value()).value();
    return found;
  }

  std::string check_integrity() override {
    std::string text;
    for (const Cells& cells : must(replaced(keys_sql, "$place", "'" + place_ + "'"))) {
      const std::string table = quoted(cells[1].value());
      const std::string column = quoted(cells[3].value());
      const Table bad =
          must("SELECT count(*) FROM " + table + " WHERE " + column + " IS NOT NULL AND " + column +
               " NOT IN (SELECT id FROM " + quoted(cells[4].value()) + ")");
      if (bad[0][0] != "0") text += "foreign key " + cells[2].value() + "\n";
    }
    return text;
  }

 protected:
  kit::Result<Table> run(std::string_view sql) override {
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0)
      return kit::Error(kit::Code::failed_precondition, mysql_error(connection_.get()));
    const std::unique_ptr<MYSQL_RES, Close> result(mysql_store_result(connection_.get()));
    Table table;
    if (result == nullptr) return table;
    const unsigned columns = mysql_num_fields(result.get());
    while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
      const unsigned long* sizes = mysql_fetch_lengths(result.get());
      Cells& cells = table.emplace_back();
      for (unsigned i = 0; i < columns; ++i) {
        cells.push_back(row[i] == nullptr ? std::nullopt
                                          : std::optional<std::string>({row[i], sizes[i]}));
      }
    }
    return table;
  }

  bool has_transactions() const override { return false; }

  std::string read_expression(const Column& column) const override {
    const std::string name = quoted(column.name);
    if (column.field.is_array) return name;
    switch (column.field.type) {
      case Type::decimal:
        return "CAST(" + name + " * 1" +
               std::string(static_cast<std::size_t>(column.field.scale), '0') + " AS SIGNED)";
      case Type::float32:
        return "CAST(" + name + " AS DOUBLE)";
      case Type::date:
        return "to_days(" + name + ") - to_days('1970-01-01')";
      case Type::time:
        return "CAST(time_to_sec(" + name + ") * 1000000 AS SIGNED)";
      case Type::timestamp:
        return "timestampdiff(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', " + name + ")";
      case Type::bytes:
        return "hex(" + name + ")";
      default:
        return name;
    }
  }

  std::string literal(const Column& column, const Value& value) const override {
    if (const auto* text = std::get_if<std::string>(&value)) return quoted_text(*text);
    if (const auto* bytes = std::get_if<Bytes>(&value)) {
      return "x'" + to_text(*bytes).substr(1) + "'";
    }
    if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
    const std::int64_t number = std::get<std::int64_t>(value);
    const std::string digits = std::to_string(number);
    switch (column.field.type) {
      case Type::decimal:
        return kit::Decimal(number, column.field.scale).to_string();
      case Type::date:
        return "DATE '1970-01-01' + INTERVAL (" + digits + ") DAY";
      case Type::time:
        return "sec_to_time(CAST(" + digits + " AS DECIMAL(20,6)) / 1000000)";
      case Type::timestamp:
        return "TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (" + digits + ") MICROSECOND";
      default:
        return digits;
    }
  }

  std::string quoted_text(const std::string& text) const override {
    return "'" + replaced(text, "'", "''") + "'";
  }

  void begin_insert() override { must("SET foreign_key_checks = 0"); }
  void move_sequence(const evolution::Table& table, std::int64_t last_id) override {
    must("ALTER TABLE " + quoted(table.name) + " AUTO_INCREMENT = " + std::to_string(last_id + 1));
  }
  void end_insert() override { must("SET foreign_key_checks = 1"); }

 private:
  static constexpr const char* columns_sql =
      "SELECT 'column', table_name, column_name, column_type, is_nullable, column_default, extra, "
      "collation_name, generation_expression FROM information_schema.columns WHERE table_schema = "
      "$place AND table_name <> 'kit_migrations'";
  static constexpr const char* indexes_sql =
      "SELECT 'index', table_name, index_name, group_concat(column_name ORDER BY seq_in_index), "
      "min(non_unique), max(sub_part), min(index_type) FROM information_schema.statistics WHERE "
      "table_schema = "
      "$place AND table_name <> 'kit_migrations' GROUP BY table_name, index_name";
  static constexpr const char* keys_sql =
      "SELECT 'key', u.table_name, u.constraint_name, u.column_name, u.referenced_table_name, "
      "r.delete_rule, r.update_rule FROM information_schema.key_column_usage u JOIN "
      "information_schema.referential_constraints r ON r.constraint_schema = u.table_schema AND "
      "r.constraint_name = u.constraint_name AND r.table_name = u.table_name WHERE u.table_schema "
      "= $place AND u.referenced_table_name IS NOT NULL";
  static constexpr const char* checks_sql =
      // MariaDB's own check of JSON keeps the name that the column had first.
      "SELECT 'check', table_name, CASE WHEN check_clause LIKE 'json_valid(%' THEN '' ELSE "
      "constraint_name END, check_clause FROM information_schema.check_constraints WHERE "
      "constraint_schema = $place";

  std::string place_;
  Connection connection_;
};

}  // namespace

std::unique_ptr<Store> open_mysql(const std::string& url, const std::string& place) {
  return std::make_unique<MysqlStore>(url, place);
}

void clear_mysql(const std::string& url, const std::string& place) {
  const Connection connection = connect(url);
  if (mysql_query(connection.get(), ("DROP DATABASE IF EXISTS " + place).c_str()) != 0)
    throw std::runtime_error(mysql_error(connection.get()));
}

}  // namespace evolution
