// SPDX-License-Identifier: Apache-2.0
#include <mysql.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/reader.hpp"
#include "kitgen/adopt/detail/server_types.hpp"
#include "kitgen/adopt/detail/sql_text.hpp"

namespace kitgen::adopt {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

struct Close {
  void operator()(MYSQL* connection) const { mysql_close(connection); }
};
struct Free {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using Connection = std::unique_ptr<MYSQL, Close>;
using Answer = std::unique_ptr<MYSQL_RES, Free>;

class Row {
 public:
  Row(MYSQL_ROW row, const unsigned long* lengths) : row_(row), lengths_(lengths) {}
  std::string text(int column) const {
    return is_null(column) ? std::string() : std::string(row_[column], lengths_[column]);
  }
  bool is_null(int column) const { return row_[column] == nullptr; }

 private:
  MYSQL_ROW row_;
  const unsigned long* lengths_;
};

constexpr const char* tables_sql =
    "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = "
    "DATABASE() "
    "AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY table_name";
constexpr const char* columns_sql =
    "SELECT table_name, column_name, is_nullable, column_type, column_default, extra, "
    "generation_expression, column_comment, data_type FROM information_schema.columns WHERE "
    "table_schema = DATABASE() ORDER BY table_name, ordinal_position";
constexpr const char* keys_sql =
    "SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, "
    "k.referenced_column_name, r.delete_rule, r.update_rule, k.referenced_table_schema <> "
    "DATABASE() "
    "FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r "
    "ON "
    "r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND "
    "r.table_name = k.table_name WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS "
    "NOT NULL ORDER BY k.table_name, k.constraint_name, k.ordinal_position";
constexpr const char* indexes_sql =
    "SELECT table_name, index_name, non_unique, column_name, sub_part, index_type, collation FROM "
    "information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, "
    "index_name, "
    "seq_in_index";
constexpr const char* mariadb_checks_sql =
    "SELECT table_name, check_clause FROM information_schema.check_constraints WHERE "
    "constraint_schema = DATABASE() ORDER BY table_name, constraint_name";
constexpr const char* mysql_checks_sql =
    "SELECT t.table_name, c.check_clause FROM information_schema.check_constraints c JOIN "
    "information_schema.table_constraints t ON t.constraint_schema = c.constraint_schema AND "
    "t.constraint_name = c.constraint_name WHERE c.constraint_schema = DATABASE() AND "
    "t.constraint_type = 'CHECK' ORDER BY t.table_name, c.constraint_name";
constexpr const char* triggers_sql =
    "SELECT event_object_table, trigger_name FROM information_schema.triggers WHERE trigger_schema "
    "= "
    "DATABASE() ORDER BY 1, 2";
constexpr const char* rest_sql =
    "SELECT 'view', table_name FROM information_schema.views WHERE table_schema = DATABASE() UNION "
    "ALL SELECT lower(routine_type), routine_name FROM information_schema.routines WHERE "
    "routine_schema = DATABASE() UNION ALL SELECT 'event', event_name FROM "
    "information_schema.events "
    "WHERE event_schema = DATABASE() ORDER BY 1, 2";

class MysqlReader {
 public:
  MysqlReader(Connection connection, const ReadOptions& options)
      : connection_(std::move(connection)), options_(options) {}

  Result<Catalogue> read(const std::string& name) {
    const std::string version = mysql_get_server_info(connection_.get());
    is_mariadb_ = version.find("MariaDB") != std::string::npos;
    Catalogue catalogue;
    catalogue.name = name;
    catalogue.engine = (is_mariadb_ ? "MariaDB " : "MySQL ") + version.substr(0, version.find('-'));
    const std::string seconds = std::to_string(options_.timeout.count());
    KIT_TRY(run(is_mariadb_ ? "SET SESSION max_statement_time = " + seconds
                            : "SET SESSION max_execution_time = " + seconds + "000"));
    KIT_TRY(run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
    KIT_TRY(run("START TRANSACTION READ ONLY"));
    KIT_TRY(each(tables_sql, [&](const Row& row) {
      if (!is_wanted(options_, row.text(0))) return;
      Table table;
      table.name = row.text(0);
      table.comment = row.text(1);
      by_name_[table.name] = catalogue.tables.size();
      catalogue.tables.push_back(std::move(table));
    }));
    KIT_TRY(each(columns_sql, [&](const Row& row) { add_column(catalogue, row); }));
    KIT_TRY(read_keys(catalogue));
    KIT_TRY(read_indexes(catalogue));
    KIT_TRY(each(is_mariadb_ ? mariadb_checks_sql : mysql_checks_sql,
                 [&](const Row& row) { add_check(catalogue, row); }));
    KIT_TRY(each(triggers_sql, [&](const Row& row) {
      if (Table* table = find(catalogue, row.text(0))) table->triggers.push_back(row.text(1));
    }));
    KIT_TRY(each(rest_sql, [&](const Row& row) {
      catalogue.not_carried.push_back(row.text(0) + " " + row.text(1));
    }));
    return catalogue;
  }

 private:
  Error failure() const {
    return {Code::unavailable, std::string("MySQL: ") + mysql_error(connection_.get())};
  }
  Result<> run(const std::string& sql) {
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0) return failure();
    return {};
  }
  template <class Take>
  Result<> each(const std::string& sql, Take take) {
    KIT_TRY(run(sql));
    const Answer answer(mysql_store_result(connection_.get()));
    if (!answer) return failure();
    while (MYSQL_ROW row = mysql_fetch_row(answer.get()))
      take(Row(row, mysql_fetch_lengths(answer.get())));
    return {};
  }

  Table* find(Catalogue& catalogue, const std::string& name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &catalogue.tables[found->second];
  }

  void add_column(Catalogue& catalogue, const Row& row) {
    Table* table = find(catalogue, row.text(0));
    if (table == nullptr) return;
    Column column;
    column.name = row.text(1);
    column.nullable = row.text(2) == "YES";
    column.type = mysql_type(row.text(3));
    const std::string extra = kit::to_lower(row.text(5));
    column.is_generated = extra.find(" generated") != std::string::npos;
    column.generated = row.text(6);
    column.counts_up = extra.find("auto_increment") != std::string::npos;
    column.follows_changes = extra.find("on update") != std::string::npos;
    column.comment = row.text(7);
    if (!row.is_null(4) && !column.is_generated)
      column.default_sql = default_sql(row.text(4), column, extra);
    table->columns.push_back(std::move(column));
  }

  /// MariaDB tells an expression; MySQL a text without its quotes, unless it says that it is one.
  std::string default_sql(const std::string& text, const Column& column,
                          const std::string& extra) const {
    const bool is_expression = is_mariadb_ || extra.find("default_generated") != std::string::npos;
    const Kind kind = column.type.kind;
    const bool is_word = kind == Kind::string || kind == Kind::text || kind == Kind::enumeration ||
                         kind == Kind::date || kind == Kind::time || kind == Kind::timestamp;
    if (is_expression || !is_word || text.starts_with("CURRENT_TIMESTAMP")) return text;
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
  }

  Result<> read_keys(Catalogue& catalogue) {
    std::string last;
    return each(keys_sql, [&](const Row& row) {
      Table* table = find(catalogue, row.text(0));
      if (table == nullptr) return;
      const std::string name = row.text(0) + "." + row.text(1);
      if (last != name) {
        ForeignKey key;
        key.table = row.text(7) == "1" ? "another database's " + row.text(3) : row.text(3);
        key.on_delete = row.text(5);
        key.on_update = row.text(6);
        table->foreign_keys.push_back(std::move(key));
      }
      last = name;
      table->foreign_keys.back().columns.push_back(row.text(2));
      table->foreign_keys.back().table_columns.push_back(row.text(4));
    });
  }

  Result<> read_indexes(Catalogue& catalogue) {
    std::string last;
    return each(indexes_sql, [&](const Row& row) {
      Table* table = find(catalogue, row.text(0));
      if (table == nullptr) return;
      if (row.text(1) == "PRIMARY") {
        table->primary_key.push_back(row.text(3));
        return;
      }
      const std::string name = row.text(0) + "." + row.text(1);
      if (last != name) {
        Index index;
        index.name = row.text(1);
        index.unique = row.text(2) == "0";
        const std::string kind = row.text(5);
        if (kind != "BTREE" && kind != "HASH")
          index.note = "its kind, " + kit::to_lower(kind) + ", is not carried";
        table->indexes.push_back(std::move(index));
      }
      last = name;
      Index& index = table->indexes.back();
      if (row.is_null(3)) index.note = "it indexes an expression";
      // The first letters being unique says more than the whole being so.
      if (!row.is_null(4) && index.unique) index.note = "only the first letters are unique";
      if (!row.is_null(4)) lose(index, "that it takes the first letters only");
      if (row.text(6) == "D") lose(index, "its order");
      index.columns.push_back(row.text(3));
    });
  }

  /// MariaDB keeps JSON as a text with a check.
  void add_check(Catalogue& catalogue, const Row& row) {
    Table* table = find(catalogue, row.text(0));
    if (table == nullptr) return;
    const std::optional<std::vector<Token>> tokens = tokens_of(row.text(1));
    const bool is_json =
        tokens && tokens->size() == 4 && kit::to_lower(tokens->front().text) == "json_valid";
    if (is_json) {
      const auto column = std::ranges::find(table->columns, (*tokens)[2].text, &Column::name);
      if (column != table->columns.end()) {
        column->type.kind = Kind::json;
        column->type.length.reset();
        return;
      }
    }
    table->checks.push_back({"", row.text(1)});
  }

  Connection connection_;
  const ReadOptions& options_;
  bool is_mariadb_ = false;
  std::map<std::string, std::size_t> by_name_;
};

struct Where {
  std::string host, socket;
  unsigned int port = 0;
};

Result<Where> where_of_server(const ServerAddress& address) {
  Where where;
  where.host = address.host;
  where.port = static_cast<unsigned int>(kit::parse_int(address.port).value_or(0));
  for (const auto& [name, value] : address.parameters) {
    if (name == "socket") {
      where.socket = value;
    } else if (name == "host") {
      where.host = value;
    } else {
      return Error(Code::invalid_argument, "the database's URL has the unknown parameter '" + name +
                                               "'; known are socket and host");
    }
  }
  return where;
}

}  // namespace

Result<Catalogue> read_mysql(const ServerAddress& address, const ReadOptions& options) {
  auto where = where_of_server(address);
  if (!where) return std::move(where).error();
  Connection connection(mysql_init(nullptr));
  if (!connection) return Error(Code::resource_exhausted, "MySQL: out of memory");
  const auto seconds = static_cast<unsigned int>(options.timeout.count());
  for (const mysql_option option :
       {MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT})
    mysql_options(connection.get(), option, &seconds);
  const unsigned int no = 0;
  mysql_options(connection.get(), MYSQL_OPT_LOCAL_INFILE, &no);  // a server could ask for files
  mysql_options(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const auto or_null = [](const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  };
  const MYSQL* connected = mysql_real_connect(
      connection.get(), or_null(where->host), or_null(address.user), or_null(address.password),
      address.database.c_str(), where->port, or_null(where->socket), 0);
  if (connected == nullptr) {
    return Error(Code::unavailable, std::string("MySQL: ") + mysql_error(connection.get()));
  }
  return MysqlReader(std::move(connection), options).read(address.database);
}

}  // namespace kitgen::adopt
