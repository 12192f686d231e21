// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/db/migrations.hpp"
#include "tests/evolution/model.hpp"
#include "tests/simulation/chance.hpp"

namespace evolution {

/// Which database a case runs on.
enum class Backend : std::uint8_t { sqlite, postgresql, mysql };

/// A database of one of them. What can't fail in this test throws.
class Store {
 public:
  virtual ~Store() = default;
  virtual kit::Result<> up(std::span<const kit::db::Migration> migrations) = 0;
  /// Back to what the first migration made.
  virtual kit::Result<> down(std::span<const kit::db::Migration> migrations) = 0;
  /// Writes rows, and leaves ids behind that were given to rows that are gone.
  virtual void insert(const Database& database, const Rows& rows, simulation::Chance& chance) = 0;
  virtual Rows rows(const Database& database) = 0;
  /// What the database's own catalogue says, in an order of its own and without differences that
  /// mean nothing: the order of columns, quotes around names.
  virtual std::vector<std::string> catalogue() = 0;
  /// The highest id ever given, by table.
  virtual std::map<std::string, std::int64_t> sequences() = 0;
  /// What the database's own checks find; "" for nothing.
  virtual std::string check_integrity() = 0;
};

/// `place`: a file; on a server the name of a schema or database, made when it is not there.
std::unique_ptr<Store> open_sqlite(const std::string& place);
std::unique_ptr<Store> open_postgres(const std::string& url, const std::string& place);
std::unique_ptr<Store> open_mysql(const std::string& url, const std::string& place);
/// Empties a place of a server.
void clear_postgres(const std::string& url, const std::string& place);
void clear_mysql(const std::string& url, const std::string& place);

}  // namespace evolution
