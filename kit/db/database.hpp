// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/db/dialect.hpp"

namespace kit::db {

/// How many units of work stand inside one another at most, the outermost not counted.
inline constexpr int deepest_nesting = 16;

/// Bytes, as opposed to text.
struct Blob {
  std::string_view bytes;
};

/// A decimal as the whole number of its last digit: `{125, 2}` is 1.25.
struct Scaled {
  std::int64_t units = 0;
  int scale = 0;
};

/// A parameter of a statement. Text and bytes are borrowed until the statement's task has ended.
/// Databases that know more types take these for them: `std::int64_t` for whole numbers, booleans
/// (0 and 1), timestamps (microseconds since 1970 UTC), dates (days since then) and times
/// (microseconds since midnight); text for uuids, enums, JSON and arrays.
using Parameter =
    std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob, Scaled>;

/// One row of a result, valid during the call that receives it. Columns are counted from 0.
/// Asking for a type the column does not have converts as SQLite does; the generated code asks for
/// what it stored, in the forms of `Parameter`.
class Row {
 public:
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t int64(int column) const = 0;
  virtual double real(int column) const = 0;
  /// The units of a decimal with `scale` digits after the point, which its column has too.
  virtual std::int64_t scaled(int column, int scale) const = 0;
  /// Text or bytes. Lifetime: the row's.
  virtual std::string_view text(int column) const = 0;

 protected:
  ~Row() = default;
};

/// Receives rows; returning an error ends the statement with it.
using RowSink = FunctionRef<Result<>(const Row&)>;

/// Hands out rows to store: fills `row` with one parameter for each column; false: there is none
/// any more. Texts are borrowed until the next call.
using RowSource = FunctionRef<Result<bool>(std::vector<Parameter>& row)>;

/// Something statements run on: a database for single reads, or a transaction. SQL is always a
/// literal or generated text with `?1`-style parameters, never built from input; implementations
/// prepare each text once and keep it. Errors: `already_exists` (unique; reason UNIQUE_VIOLATION),
/// `failed_precondition` (foreign key or check; reason FOREIGN_KEY_VIOLATION ...), `aborted`
/// (SERIALIZATION_FAILURE, DEADLOCK, busy), `invalid_argument` (VALUE_TOO_LONG,
/// VALUE_OUT_OF_RANGE), `resource_exhausted` (disk full: HTTP 507; ids used up:
/// SEQUENCE_EXHAUSTED), `unavailable`, `data_loss`
/// (corrupt). A unique violation carries the columns' names as violations.
///
/// Cancellation: the deadline and the cancellation of the task end the statement in the database
/// too, not only the wait for it. What an ended write did outside a transaction is not known.
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
  /// What `sql` has to be written in.
  virtual Dialect dialect() const = 0;
};

/// What a transaction sees of others that run beside it. A database may give more than is asked
/// for, never less: SQLite's are serialisable always. At `repeatable_read` and `serializable` a
/// statement or `commit` may fail with `aborted` (SERIALIZATION_FAILURE): begin again.
enum class Isolation : std::uint8_t {
  standard,         ///< What the generated code is written for: at least `read_committed`.
  read_committed,   ///< Each statement sees what was committed before it.
  repeatable_read,  ///< All statements see the state of the first.
  serializable,     ///< As if the transactions had run one after the other.
};

/// A unit of work. Dropping one without `commit` rolls it back. After a statement that failed only
/// that is possible everywhere: PostgreSQL refuses further ones with `failed_precondition`
/// (TRANSACTION_FAILED), and so does `commit` then.
class Transaction : public Session {
 public:
  /// A unit of work inside this one: its `commit` makes what it did a part of this one, dropping it
  /// undoes that alone, after a failed statement too. While it is open this one takes no statement
  /// (`internal`, NESTED_TRANSACTION). At most `deepest_nesting` inside one another. Lifetime: when
  /// this one ends first it has ended too.
  virtual Task<std::unique_ptr<Transaction>> begin_nested() = 0;
  /// Fails as `commit` would for what the statements leave unchecked until then (deferred foreign
  /// keys): `failed_precondition`, FOREIGN_KEY_VIOLATION. The transaction goes on.
  virtual Task<> check() = 0;
  /// Stores rows by the fastest way that the database has, and yields how many. `table` and
  /// `columns` are the schema's own names, constants. When it fails, also for `next`, only a
  /// roll-back is possible. Lifetime: everything until it has ended.
  virtual Task<std::int64_t> insert_rows(std::string_view table,
                                         std::span<const std::string_view> columns, RowSource next);
  /// Ends once the changes are durable. Fails when they are not; nothing of them is left then.
  virtual Task<> commit() = 0;
};

/// A database. Thread safety: any thread that runs a loop.
class Database : public Session {
 public:
  /// Waits for its turn to write. Cancellation: leaves the queue.
  virtual Task<std::unique_ptr<Transaction>> begin() = 0;
  /// As `begin`, with another isolation than the standard one.
  virtual Task<std::unique_ptr<Transaction>> begin_isolated(Isolation isolation) = 0;
  /// For imports and the like: as `begin`, but without the limit on how long a transaction may
  /// take, and nobody else's commit waits for its end.
  virtual Task<std::unique_ptr<Transaction>> begin_bulk() { return begin(); }
  /// For changing tables: as `begin_bulk`, and foreign keys are checked as a whole by `commit`
  /// instead of by each statement, so that a table can be rebuilt.
  virtual Task<std::unique_ptr<Transaction>> begin_schema() { return begin_bulk(); }
  /// Whether changes of tables are part of the transaction of `begin_schema`. Where they are not,
  /// each statement of it is checked and committed by itself, dropping it rolls nothing back, other
  /// transactions refuse such statements, and migrations keep a journal (docs/adr/0027).
  virtual bool has_transactional_schema() const { return true; }
  /// For building indexes beside writers: a session, not a transaction, in which each statement
  /// commits by itself, without the limit on how long it takes. `commit` only ends it. Databases
  /// that have no need of it give what `begin_schema` does.
  virtual Task<std::unique_ptr<Transaction>> begin_autocommit() { return begin_schema(); }
  /// A read-only transaction that sees one state of the database throughout.
  virtual Task<std::unique_ptr<Transaction>> begin_read() = 0;
  /// For reads that may be a little behind the latest writes: on a replica where there are some.
  /// Writes fail with `failed_precondition` (READ_ONLY). Lifetime: the database's.
  virtual Session& replica() = 0;
};

}  // namespace kit::db
