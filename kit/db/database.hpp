// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"

namespace kit::db {

/// Bytes, as opposed to text.
struct Blob {
  std::string_view bytes;
};

/// A parameter of a statement. Text and bytes are borrowed until the statement's task has ended.
using Parameter = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob>;

/// One row of a result, valid during the call that receives it. Columns are counted from 0.
/// Asking for a type the column does not have converts as SQLite does; the generated code asks for
/// what it stored.
class Row {
 public:
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t int64(int column) const = 0;
  virtual double real(int column) const = 0;
  /// Text or bytes. Lifetime: the row's.
  virtual std::string_view text(int column) const = 0;

 protected:
  ~Row() = default;
};

/// Receives rows; returning an error ends the statement with it.
using RowSink = FunctionRef<Result<>(const Row&)>;

/// Something statements run on: a database for single reads, or a transaction. SQL is always a
/// literal or generated text with `?1`-style parameters, never built from input; implementations
/// prepare each text once and keep it. Errors: `already_exists` (unique; reason UNIQUE_VIOLATION),
/// `failed_precondition` (foreign key or check; reason FOREIGN_KEY_VIOLATION ...), `aborted`
/// (serialisation, busy), `resource_exhausted` (disk full: HTTP 507; ids used up: SEQUENCE_EXHAUSTED), `unavailable`, `data_loss`
/// (corrupt). A unique violation carries the columns' names as violations.
class Session {
 public:
  virtual ~Session() = default;
  virtual Task<> query(std::string_view sql, std::span<const Parameter> parameters,
                       RowSink sink) = 0;
  /// Rows changed, and the id of the last inserted row.
  struct Changed {
    std::int64_t rows = 0;
    std::int64_t last_id = 0;
  };
  virtual Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) = 0;
};

/// A unit of work. Dropping one without `commit` rolls it back.
class Transaction : public Session {
 public:
  /// Fails as `commit` would for what the statements leave unchecked until then (deferred foreign
  /// keys): `failed_precondition`, FOREIGN_KEY_VIOLATION. The transaction goes on.
  virtual Task<> check() = 0;
  /// Ends once the changes are durable. Fails when they are not; nothing of them is left then.
  virtual Task<> commit() = 0;
};

/// A database. Thread safety: any thread that runs a loop.
class Database : public Session {
 public:
  /// Waits for its turn to write. Cancellation: leaves the queue.
  virtual Task<std::unique_ptr<Transaction>> begin() = 0;
  /// For imports and the like: as `begin`, but without the limit on how long a transaction may
  /// take, and nobody else's commit waits for its end.
  virtual Task<std::unique_ptr<Transaction>> begin_bulk() { return begin(); }
  /// For changing tables: as `begin_bulk`, and foreign keys are checked as a whole by `commit`
  /// instead of by each statement, so that a table can be rebuilt.
  virtual Task<std::unique_ptr<Transaction>> begin_schema() { return begin_bulk(); }
  /// A read-only transaction that sees one state of the database throughout.
  virtual Task<std::unique_ptr<Transaction>> begin_read() = 0;
  /// "sqlite", "postgresql", "mysql".
  virtual std::string_view dialect() const = 0;
};

}  // namespace kit::db
