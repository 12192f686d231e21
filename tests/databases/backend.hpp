// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kit/db/database.hpp"

namespace kit::tests {

/// A database the suite is run on, with nothing in it. Each has a file that defines `make`.
class Backend {
 public:
  virtual ~Backend() = default;
  static std::unique_ptr<Backend> make();

  virtual db::Database& database() = 0;
  /// The columns of table "kinds", as the generator would write them: id, i64, i32, flag, amount
  /// decimal(18,4), at, day, clock, uid, doc JSON, label, data, ratio.
  virtual std::string kinds() const = 0;
  /// A primary key that the database numbers.
  virtual std::string identity() const = 0;
  /// A text column of at most `length` characters.
  virtual std::string text(int length) const = 0;
  /// Behind the columns of a table.
  virtual std::string table_end() const { return ""; }
  /// A query that runs for about so long.
  virtual std::string slow_query(int seconds) const = 0;

  /// A query of so many rows: a number from 1, and a text of 200 characters.
  virtual std::string series(std::int64_t rows) const = 0;

  /// Whether several transactions write at the same time.
  virtual bool writes_concurrently() const { return true; }
  /// Whether reads of a serialisable transaction lock what they see, and writers wait.
  virtual bool locks_serializable_reads() const { return false; }
  /// Whether a transaction takes no statement after one that failed.
  virtual bool fails_whole() const { return false; }
  /// Whether the server is a process of its own, which `kill` ends and `start` starts again.
  virtual bool has_server() const { return false; }
  virtual void kill() {}
  virtual void start() {}
};

}  // namespace kit::tests
