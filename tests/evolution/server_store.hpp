// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/evolution/store.hpp"

namespace evolution {

/// A database on a server, worked on by texts alone: the statements of its migrations run as kit's
/// runner runs them, but through the client library itself.
class ServerStore : public Store {
 public:
  kit::Result<> up(std::span<const kit::db::Migration> migrations) override;
  kit::Result<> down(std::span<const kit::db::Migration> migrations) override;
  void insert(const Database& database, const Rows& rows, simulation::Chance& chance) override;
  Rows rows(const Database& database) override;

 protected:
  using Cells = std::vector<std::optional<std::string>>;
  using Table = std::vector<Cells>;

  virtual kit::Result<Table> run(std::string_view sql) = 0;
  /// Whether a schema change can be taken back: a script is one transaction then.
  virtual bool has_transactions() const = 0;
  /// An expression that gives the column as SQLite would keep it: a number or a text, bytes as
  /// hexadecimal digits.
  virtual std::string read_expression(const evolution::Column& column) const = 0;
  virtual std::string literal(const evolution::Column& column, const Value& value) const = 0;
  virtual std::string quoted_text(const std::string& text) const = 0;
  virtual void begin_insert() = 0;
  /// The next id is the one behind `last_id`.
  virtual void move_sequence(const evolution::Table& table, std::int64_t last_id) = 0;
  virtual void end_insert() = 0;

  Table must(std::string_view sql);

 private:
  kit::Result<> run_script(const std::string& script, const std::string& file);
  kit::Result<> run_statements(const std::string& script, const std::string& file);
  std::size_t applied();
};

}  // namespace evolution
