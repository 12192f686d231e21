// SPDX-License-Identifier: Apache-2.0
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/postgres_sql.hpp"
#include "kitgen/adopt/detail/reader.hpp"
#include "kitgen/adopt/detail/server_types.hpp"

namespace kitgen::adopt {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Answer = std::unique_ptr<PGresult, Clear>;

class Row {
 public:
  Row(const PGresult* result, int number) : result_(result), number_(number) {}
  std::string text(int column) const {
    const auto size = static_cast<std::size_t>(PQgetlength(result_, number_, column));
    return {PQgetvalue(result_, number_, column), size};
  }
  bool is_null(int column) const { return PQgetisnull(result_, number_, column) != 0; }
  bool is_true(int column) const { return text(column) == "t"; }
  int number(int column) const {
    return static_cast<int>(kit::parse_int(text(column)).value_or(0));
  }

 private:
  const PGresult* result_;
  int number_;
};

class PostgresReader {
 public:
  PostgresReader(Connection connection, const ReadOptions& options)
      : connection_(std::move(connection)),
        options_(options),
        schema_(options.schema.empty() ? "public" : options.schema) {}

  Result<Catalogue> read() {
    Catalogue catalogue;
    catalogue.name = PQdb(connection_.get());
    const int version = PQserverVersion(connection_.get());
    catalogue.engine =
        "PostgreSQL " + std::to_string(version / 10'000) + "." + std::to_string(version % 10'000);
    constexpr int oldest = 120'000;
    if (version < oldest) {
      return Error(Code::failed_precondition,
                   catalogue.engine + " is too old to be read; from 12 on, 15 is tested");
    }
    KIT_TRY(
        each("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", {}, [](const Row&) {}));
    KIT_TRY(read_tables(catalogue));
    KIT_TRY(read_enums(catalogue));
    KIT_TRY(read_columns(catalogue));
    KIT_TRY(read_constraints(catalogue));
    KIT_TRY(read_indexes(catalogue));
    KIT_TRY(read_triggers(catalogue));
    KIT_TRY(read_rest(catalogue));
    return catalogue;
  }

 private:
  template <class Take>
  Result<> each(const char* sql, const std::vector<const char*>& values, Take take) {
    const Answer answer(PQexecParams(connection_.get(), sql, static_cast<int>(values.size()),
                                     nullptr, values.data(), nullptr, nullptr, 0));
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      return Error(
          Code::unavailable,
          std::string("PostgreSQL: ") + std::string(kit::trim(PQerrorMessage(connection_.get()))));
    }
    for (int i = 0; i < PQntuples(answer.get()); ++i) take(Row(answer.get(), i));
    return {};
  }
  template <class Take>
  Result<> in_schema(const char* sql, Take take) {
    return each(sql, {schema_.c_str()}, take);
  }

  Table* find(Catalogue& catalogue, const std::string& name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &catalogue.tables[found->second];
  }

  Result<> read_tables(Catalogue& catalogue) {
    return in_schema(postgres_tables, [&](const Row& row) {
      Table table;
      table.name = row.text(0);
      if (!is_wanted(options_, table.name)) return;
      table.comment = row.text(1);
      if (row.text(2) == "p") table.notes.emplace_back("its partitions are not carried");
      if (row.is_true(3)) table.notes.emplace_back("its row level security is not carried");
      if (row.is_true(4))
        table.notes.emplace_back("that it inherits from another table is not carried");
      by_name_[table.name] = catalogue.tables.size();
      catalogue.tables.push_back(std::move(table));
    });
  }

  Result<> read_enums(Catalogue& catalogue) {
    return in_schema(postgres_enums, [&](const Row& row) {
      if (catalogue.enums.empty() || catalogue.enums.back().name != row.text(0))
        catalogue.enums.push_back({row.text(0), {}, row.text(2)});
      catalogue.enums.back().values.push_back(row.text(1));
    });
  }

  Result<> read_columns(Catalogue& catalogue) {
    return in_schema(postgres_columns, [&](const Row& row) {
      Table* table = find(catalogue, row.text(0));
      if (table == nullptr) return;
      Column column;
      column.name = row.text(1);
      column.nullable = !row.is_true(2);
      column.type = row.is_true(7) ? enum_type(row.text(4), row.text(3))
                                   : postgres_type(row.text(4), row.number(5), row.text(3));
      column.type.is_array = row.is_true(6);
      const std::string generated = row.text(10);
      if (!generated.empty()) {
        column.is_generated = true;
        column.generated = row.text(8);
      } else if (!row.is_null(8)) {
        column.default_sql = row.text(8);
      }
      column.counts_up = !row.text(9).empty() ||
                         (column.default_sql && column.default_sql->starts_with("nextval("));
      column.comment = row.text(11);
      if (!row.is_null(12)) add_domain_check(*table, column, row.text(12));
      table->columns.push_back(std::move(column));
    });
  }

  static ColumnType enum_type(const std::string& name, const std::string& declared) {
    ColumnType type;
    type.kind = Kind::enumeration;
    type.enum_name = name;
    type.declared = declared;
    return type;
  }

  /// The check of a domain speaks of VALUE.
  static void add_domain_check(Table& table, const Column& column, const std::string& check) {
    std::string expression = check;
    std::string quoted = "\"";
    for (const char c : column.name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    quoted += '"';
    constexpr std::string_view word = "VALUE";
    for (std::size_t at = expression.find(word); at != std::string::npos;
         at = expression.find(word, at + quoted.size()))
      expression.replace(at, word.size(), quoted);
    table.checks.push_back({"", std::move(expression)});
  }

  Result<> read_constraints(Catalogue& catalogue) {
    KIT_TRY(in_schema(postgres_primary_keys, [&](const Row& row) {
      if (Table* table = find(catalogue, row.text(0))) table->primary_key.push_back(row.text(1));
    }));
    std::string last;
    KIT_TRY(in_schema(postgres_foreign_keys, [&](const Row& row) {
      Table* table = find(catalogue, row.text(0));
      if (table == nullptr) return;
      if (last != row.text(1)) {
        ForeignKey key;
        key.table = row.text(4);
        key.on_delete = action(row.text(5));
        key.on_update = action(row.text(6));
        table->foreign_keys.push_back(std::move(key));
      }
      last = row.text(1);
      table->foreign_keys.back().columns.push_back(row.text(2));
      table->foreign_keys.back().table_columns.push_back(row.text(3));
    }));
    return in_schema(postgres_checks, [&](const Row& row) {
      Table* table = find(catalogue, row.text(0));
      if (table == nullptr) return;
      if (row.text(1) == "c") {
        table->checks.push_back({"", row.text(2)});
      } else {
        table->notes.push_back("the exclusion constraint " + row.text(3) + " is not carried");
      }
    });
  }

  static std::string action(const std::string& letter) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> words{
        {{"r", "RESTRICT"}, {"c", "CASCADE"}, {"n", "SET NULL"}, {"d", "SET DEFAULT"}}};
    for (const auto& [each, word] : words) {
      if (letter == each) return std::string(word);
    }
    return "NO ACTION";
  }

  Result<> read_indexes(Catalogue& catalogue) {
    std::string last;
    return in_schema(postgres_indexes, [&](const Row& row) {
      Table* table = find(catalogue, row.text(0));
      if (table == nullptr) return;
      if (last != row.text(1)) {
        Index index;
        index.name = row.text(2);
        index.unique = row.is_true(3);
        index.where = row.text(4);
        const std::string method = row.text(5);
        if (method != "btree") index.note = "its kind, " + method + ", is not carried";
        if (row.is_true(8)) lose(index, "what it includes");
        table->indexes.push_back(std::move(index));
      }
      last = row.text(1);
      Index& index = table->indexes.back();
      if (row.is_null(6)) index.note = "it indexes an expression";
      if (row.is_true(7)) lose(index, "its order");
      index.columns.push_back(row.text(6));
    });
  }

  Result<> read_triggers(Catalogue& catalogue) {
    return in_schema(postgres_triggers, [&](const Row& row) {
      if (Table* table = find(catalogue, row.text(0))) table->triggers.push_back(row.text(1));
    });
  }

  Result<> read_rest(Catalogue& catalogue) {
    return in_schema(postgres_rest, [&](const Row& row) {
      catalogue.not_carried.push_back(row.text(0) + " " + row.text(1));
    });
  }

  Connection connection_;
  const ReadOptions& options_;
  std::string schema_;
  std::map<std::string, std::size_t> by_name_;
};

/// What may stand behind the ? of a URL: words of libpq that say how to reach the server.
Result<> check_parameter(const std::string& name) {
  static constexpr std::array<std::string_view, 8> known{
      "host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey"};
  if (std::ranges::find(known, name) != known.end()) return {};
  return Error(
      Code::invalid_argument,
      "the database's URL has the unknown parameter '" + name +
          "'; known are host, port, user, password, sslmode, sslrootcert, sslcert, sslkey");
}

}  // namespace

Result<Catalogue> read_postgres(const ServerAddress& address, const ReadOptions& options) {
  const std::string seconds = std::to_string(options.timeout.count());
  const std::string session = "-c statement_timeout=" + seconds + "s -c lock_timeout=" + seconds +
                              "s -c default_transaction_read_only=on";
  std::vector<std::pair<std::string, std::string>> words{{"host", address.host},
                                                         {"port", address.port},
                                                         {"user", address.user},
                                                         {"password", address.password},
                                                         {"dbname", address.database}};
  for (const auto& [name, value] : address.parameters) {
    KIT_TRY(check_parameter(name));
    words.emplace_back(name, value);
  }
  words.insert(words.end(), {{"connect_timeout", seconds},
                             {"options", session},
                             {"client_encoding", "UTF8"},
                             {"application_name", "kitgen"}});
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : words) {
    if (value.empty()) continue;
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(PQconnectdbParams(names.data(), values.data(), 0));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return Error(Code::unavailable, std::string("PostgreSQL: ") +
                                        std::string(kit::trim(PQerrorMessage(connection.get()))));
  }
  return PostgresReader(std::move(connection), options).read();
}

}  // namespace kitgen::adopt
