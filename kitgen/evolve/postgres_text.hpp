// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kitgen/evolve/server_dialect.hpp"

/// Pieces of PostgreSQL's SQL. Inner header of kitgen/evolve.
namespace kitgen::evolve::postgres {

class Dialect final : public server::Dialect {
 public:
  std::string type_of(const Column& column) const override;
  std::string timestamp(kit::Timestamp value) const override;
  server::Converted converted(const Column& from, const Column& to,
                              Conversion conversion) const override;
  std::string now(const Column& column) const override;
  std::string array_text(const std::string& value) const override { return value + "::text"; }
  std::string array_of(const std::string& text) const override { return text + "::jsonb"; }
  std::string filler(const Column& column, const std::string& row) const override;
};
const Dialect& dialect();

/// The value of `made` as one of the column, an error for a row that is bad.
std::string as_column(const server::Converted& made, const Column& column);

/// "CONSTRAINT ck_phone CHECK (char_length(phone) <= 24)"; "" for none.
std::string check_of(const Column& column);
std::string create_table(const Table& table, const std::vector<ForeignKey>& keys);
std::string create_index(const Table& table, const Index& index, bool concurrently);
std::string change_table(const TableChange& change, bool is_apart);

/// Whether a conversion of the change needs pg_temp.kit_is_json.
bool reads_json(const TableChange& change);

}  // namespace kitgen::evolve::postgres
