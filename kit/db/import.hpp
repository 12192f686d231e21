// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/csv/source.hpp"
#include "kit/db/database.hpp"
#include "kit/db/list_query.hpp"

namespace kit::db {

/// What became of one record.
enum class Stored { inserted, updated, unchanged };

/// Receives records; returning an error ends what hands them out with it.
using RecordSink = FunctionRef<Result<>(const csv::Fields&)>;

/// One file and the table it fills. Generated for every entity (and many-to-many relation) with
/// an import map.
class ImportTarget {
 public:
  virtual ~ImportTarget() = default;
  /// "Track".
  virtual std::string_view name() const = 0;
  /// "Track.csv".
  virtual std::string_view file() const = 0;
  /// The header names it reads; others in the file are an error (with the nearest known name).
  virtual std::span<const std::string_view> columns() const = 0;
  /// How many of the first columns tell rows apart: records with the same texts in them are
  /// refused.
  virtual std::size_t key_columns() const = 0;
  /// Converts, checks and stores one record: `fields` in the order of `columns()`, one
  /// without a value is null. A failure with violations (field = the column of the file) refuses
  /// the record.
  virtual Task<Stored> store(Session& session, std::span<const csv::Field> fields) = 0;
  /// Whether `store_batch` may do more than nothing.
  virtual bool has_batches() const { return false; }
  /// Stores records as `store` does one after the other, with fewer statements; what `store` would
  /// have said of each becomes a result. Fails, also for what is wrong with one record, when what
  /// it did has to be undone and they have to be stored one by one; false: that too, and it has
  /// changed nothing. Lifetime: everything until it has ended. Cost: what it keeps of rows that are
  /// there already is bounded.
  virtual Task<bool> store_batch(Transaction& unit, std::span<const csv::Fields> records,
                                 std::vector<Result<Stored>>& results);
  /// Looks at a record again that `store` took, after all of them, when the database has found that
  /// some row refers to nothing: fails with violations when it is this one's.
  virtual Task<> verify(Session& session, std::span<const csv::Field> fields);
  /// Whether a record may refer to a later one, which `verify` looks for.
  virtual bool has_late_references() const { return false; }
  /// Hands every stored row to `sink`, in the order of `columns()`, as CSV fields; for export. Rows
  /// that are only marked as deleted are left out; `store` refuses a record with the key of one.
  virtual Task<> each(Session& session, RecordSink sink) = 0;
  /// Hands the rows of one page of a list on, in the same form, and yields the cursor of the next
  /// page; nothing: this was the last. Fails with `unimplemented` where rows can't be listed.
  virtual Task<std::optional<std::string>> page(Session& session, const ListQuery& query,
                                                RecordSink sink);
  /// The rows that the caller of the running task has to do with; `page` hands on no others.
  virtual RowLimit row_limit() const { return {}; }
  /// The same with those columns only that the caller of the running task sees, for exports; null:
  /// it sees all of them. Lifetime: this outlives it.
  virtual std::unique_ptr<ImportTarget> for_caller() { return nullptr; }
};

struct RowProblem {
  std::size_t line = 0;
  std::string column;
  std::string description;
};

struct ImportReport {
  std::string target;
  std::int64_t inserted = 0, updated = 0, unchanged = 0;
  std::vector<RowProblem> problems;  ///< Not empty: nothing of the file was kept.
  bool skipped = false;              ///< The same content was imported before.
};

struct ImportOptions {
  /// Skip a file whose content (SHA-256) the history table says was imported.
  bool skip_known = false;
  /// Apostrophes that keep spreadsheets from running formulas are taken off (`csv::unguarded`).
  bool guarded = false;
  /// Everything but the commit.
  bool dry_run = false;
  /// Called now and then with bytes done and in all, and rows so far.
  Function<void(std::size_t bytes, std::size_t bytes_total, std::int64_t rows)> progress;
};

/// Imports one file (by its suffix CSV or XLSX) in one transaction: all of it or nothing. Every bad
/// record is reported, up to 1000. A row may refer to a later one of its own file. Streams the
/// file, a second time when rows refer to nothing or PostgreSQL refuses one; stores up to 256
/// records together (docs/adr/0039) and yields to the loop between batches. Fails when
/// the file or database can't be read or written at all; bad records are in the report. Cost: some
/// 40 bytes for each record, to notice keys that are given twice.
Task<ImportReport> import_file(Database& database, ImportTarget& target, std::string path,
                               ImportOptions options);

/// The same for what a source reads.
Task<ImportReport> import_rows(Database& database, ImportTarget& target,
                               std::unique_ptr<csv::Source> source, ImportOptions options);

/// Makes what `import_into` needs where tables can't be made in a transaction.
Task<> prepare_imports(Database& database);

/// Does the same in `transaction`, which `begin_import` has begun after `prepare_imports`, all but
/// the commit. What the rows of a refused file changed before the bad one stays in the transaction:
/// it is for trying several files that refer to each other, and then dropping it.
Task<ImportReport> import_into(Transaction& transaction, ImportTarget& target, std::string path,
                               ImportOptions options);

}  // namespace kit::db
