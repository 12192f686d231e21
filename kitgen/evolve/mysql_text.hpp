// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/evolve/server_dialect.hpp"

/// Pieces of the SQL of MariaDB and MySQL. Inner header of kitgen/evolve.
namespace kitgen::evolve::mysql {

class Dialect final : public server::Dialect {
 public:
  std::string type_of(const Column& column) const override;
  std::string timestamp(kit::Timestamp value) const override;
  server::Converted converted(const Column& from, const Column& to,
                              Conversion conversion) const override;
  std::string now(const Column& column) const override;
  std::string in_condition(const Column& column) const override;
  std::string filler(const Column& column, const std::string& row) const override;
};
const Dialect& dialect();

/// The value of `made`, an error for a row that is bad.
std::string as_column(const server::Converted& made, const Column& column);

/// Everything behind the name but the check: "varchar(24) NOT NULL DEFAULT 'x'".
std::string definition(const Column& column);
/// " DEFAULT ..." for a literal of the dialect; "" for "".
std::string default_of(const Column& column, const std::string& literal);
/// A check is named by table and column: MySQL knows one name once in a database.
std::string check_name(const std::string& table, const std::string& column);
/// "CONSTRAINT ck_customers_phone CHECK (char_length(phone) <= 24)"; "" for none.
std::string check_of(const std::string& table, const Column& column);

/// The definitions of an index: "UNIQUE INDEX ux_... (email, kit_in_ux_...)", and the column that
/// says which rows it holds. A NULL in it takes a row out; "" for none.
std::string index_column_name(const Index& index);
std::string index_column(const Table& table, const Index& index);
std::string index_definition(const Table& table, const Index& index);

std::string create_table(const Table& table, const std::vector<ForeignKey>& keys);
/// `dropped_keys`: foreign keys that are gone already.
std::string change_table(const TableChange& change, const std::vector<std::string>& dropped_keys);

/// The clauses of one ALTER TABLE.
class Alteration {
 public:
  void add(const std::string& clause) {
    if (!clause.empty()) clauses_ += (clauses_.empty() ? "\n  " : ",\n  ") + clause;
  }
  std::string sql(const std::string& table) const;

 private:
  std::string clauses_;
};

}  // namespace kitgen::evolve::mysql
