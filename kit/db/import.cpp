// SPDX-License-Identifier: Apache-2.0
#include "kit/db/import.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/csv/csv.hpp"
#include "kit/db/detail/import_history.hpp"
#include "kit/db/detail/import_parts.hpp"
#include "kit/db/detail/late_records.hpp"
#include "kit/db/detail/record_batch.hpp"
#include "kit/db/import_lock.hpp"
#include "kit/db/row_file.hpp"

namespace kit::db {
namespace {

using detail::add_problem;
using detail::add_problems;
using detail::count;
using detail::is_about_batch;
using detail::is_about_record;
using detail::max_problems;

/// Rows, and bytes of the file or of its records, that are stored together between two turns of the
/// loop: some milliseconds of work.
constexpr std::int64_t batch_rows = 256;
constexpr std::size_t batch_bytes = 512 * 1024;
constexpr std::size_t hash_chunk_bytes = 256 * 1024;

/// The sum of the content of what `source` reads, in pieces with turns of the loop between them.
Task<std::string> hash_content(const csv::Source& source) {
  Sha256 sum;
  std::string chunk(hash_chunk_bytes, '\0');
  for (std::size_t offset = 0;;) {
    const std::size_t got = co_await source.read_at(offset, chunk);
    if (got == 0) break;
    sum.add(std::string_view(chunk).substr(0, got));
    offset += got;
    co_await sleep_for(Clock::duration::zero());
  }
  co_return sum.finish();
}

class Importer {
 public:
  Importer(ImportTarget& target, std::unique_ptr<csv::Source> source, ImportOptions& options)
      : target_(target), source_(std::move(source)), options_(options), late_(target) {
    report_.target = target.name();
  }

  /// Reads and stores everything; what is wrong is in the report.
  Task<> store_all(Transaction& transaction) {
    csv::Record record;
    bool has_header = false;
    while (report_.problems.size() < max_problems) {
      Result<bool> more = source_->next(record);
      if (more.ok() && !*more) break;
      if (!more) {
        co_await store_batch(transaction);  // in the order of the lines
        co_await as_problem(record, std::move(more).error());
        if (!has_header) co_return;
        ++rows_;
      } else if (!has_header && !record.fields.empty()) {
        has_header = true;
        if (!header_.read(record, target_.columns(), report_)) co_return;
      } else if (!record.fields.empty()) {
        const std::span<const csv::Field> fields = header_.order(record, options_.guarded);
        if (const auto before = keys_.add(fields.first(target_.key_columns()), record.line)) {
          const std::size_t line = record.line;
          co_await store_batch(transaction);
          add_given_twice(line, *before);
        } else {
          batch_.add(record.line, fields);
        }
        ++rows_;
      }
      if (source_->bytes_read() - told_ >= batch_bytes || rows_ - told_rows_ >= batch_rows ||
          batch_.bytes() >= batch_bytes) {
        co_await store_batch(transaction);
        progress();
        co_await sleep_for(Clock::duration::zero());
      }
    }
    co_await store_batch(transaction);
    if (!has_header) add_problem(report_, 1, "", "the file is empty: it has no header");
    co_await late_.store(transaction, report_);
    progress();
  }

  /// As `store_all`, from the beginning, with a unit of work for each batch, and for each record of
  /// one that fails: for databases whose transactions take nothing more once a statement has
  /// failed.
  Task<> store_all_apart(Transaction& transaction) {
    co_await source_->rewind();
    is_apart_ = true;
    batch_.clear();
    header_ = detail::Header();
    keys_ = detail::Keys();
    report_.problems.clear();
    report_.inserted = report_.updated = report_.unchanged = 0;
    rows_ = told_rows_ = 0;
    told_ = 0;
    co_await store_all(transaction);
  }

  /// Reads everything again, to name the records whose rows refer to nothing.
  Task<> verify_all(Session& session) {
    co_await source_->rewind();
    csv::Record record;
    bool has_header = false;
    std::int64_t rows = 0;
    std::size_t paused_at = 0;
    while (report_.problems.size() < max_problems) {
      const bool more = co_await source_->next(record);
      if (!more) break;
      if (has_header && !record.fields.empty()) {
        Task<> verifying = verify(session, record);
        co_await std::move(verifying);
      }
      has_header = has_header || !record.fields.empty();
      if (++rows % batch_rows == 0 || source_->bytes_read() - paused_at >= batch_bytes) {
        paused_at = source_->bytes_read();
        co_await sleep_for(Clock::duration::zero());
      }
    }
  }

  ImportReport& report() { return report_; }
  std::int64_t rows() const { return report_.inserted + report_.updated + report_.unchanged; }

 private:
  /// A bad record goes into the report; a file that can't be read ends the import.
  Result<> as_problem(const csv::Record& record, Error error) {
    if (!is_about_record(error)) return error;
    const bool has_violation = !error.violations().empty();
    add_problem(report_, record.line, "",
                has_violation ? error.violations().front().description : error.message());
    return {};
  }

  Task<> verify(Session& session, const csv::Record& record) {
    const std::size_t line = record.line;
    Task<> verifying = target_.verify(session, header_.order(record, options_.guarded));
    Result<> held = co_await as_result(std::move(verifying));
    if (!held) co_await refuse(line, std::move(held).error());
  }

  /// Together when the target can, else one by one.
  Task<> store_batch(Transaction& transaction) {
    const std::span<const csv::Fields> records = batch_.records();
    Task<bool> storing = store_together(transaction, records);
    const bool is_done = co_await std::move(storing);
    for (std::size_t i = 0; i < records.size() && report_.problems.size() < max_problems; ++i) {
      if (!is_done) {
        Task<> one = store(transaction, batch_.line(i), records[i]);
        co_await std::move(one);
      } else if (results_[i].ok()) {
        count(report_, *results_[i]);
      } else {
        co_await refuse(batch_.line(i), std::move(results_[i]).error());
      }
    }
    batch_.clear();
  }

  /// False: nothing of it is stored.
  Task<bool> store_together(Transaction& transaction, std::span<const csv::Fields> records) {
    if (records.size() < 2 || !target_.has_batches()) co_return false;
    const bool is_whole = transaction.dialect() == Dialect::postgresql && !is_apart_;
    std::unique_ptr<Transaction> unit;
    if (!is_whole) unit = co_await transaction.begin_nested();
    results_.clear();
    Task<bool> storing = target_.store_batch(unit ? *unit : transaction, records, results_);
    Result<bool> stored = co_await as_result(std::move(storing));
    if (stored.ok() && *stored && unit) co_await unit->commit();
    if (stored.ok()) co_return *stored;
    if (!is_about_batch(stored.error())) co_return std::move(stored).error();
    // The whole file begins again, for there is no way back to before this batch.
    if (is_whole) {
      co_return Error(Code::failed_precondition, "a record of the batch was refused")
          .with_reason("TRANSACTION_FAILED")
          .with_cause(std::move(stored).error());
    }
    co_return false;
  }

  Task<> store(Transaction& transaction, std::size_t line, std::span<const csv::Field> fields) {
    Task<Stored> storing =
        is_apart_ ? store_apart(transaction, fields) : target_.store(transaction, fields);
    Result<Stored> stored = co_await as_result(std::move(storing));
    if (stored.ok()) {
      count(report_, *stored);
      co_return;
    }
    if (stored.error().reason() == "TRANSACTION_FAILED") co_await std::move(stored).error();
    if (late_.keep(transaction, line, fields, stored.error())) co_return;
    co_await refuse(line, std::move(stored).error());
  }

  Task<Stored> store_apart(Transaction& transaction, std::span<const csv::Field> fields) {
    const std::unique_ptr<Transaction> unit = co_await transaction.begin_nested();
    const Stored stored = co_await target_.store(*unit, fields);
    co_await unit->commit();
    co_return stored;
  }

  /// The later one would win, and then the earlier one when the file is imported again.
  void add_given_twice(std::size_t line, std::size_t before) {
    std::string columns;
    for (const std::string_view name : target_.columns().first(target_.key_columns()))
      columns.append(columns.empty() ? "" : ", ").append(name);
    add_problem(report_, line, std::move(columns),
                "is given twice, first in line " + std::to_string(before));
  }

  /// What a target says about a record goes into the report; a broken database ends the import.
  Result<> refuse(std::size_t line, Error error) {
    if (!is_about_record(error)) return error;
    add_problems(report_, line, error);
    return {};
  }

  void progress() {
    told_ = source_->bytes_read();
    told_rows_ = rows_;
    if (options_.progress) options_.progress(told_, source_->bytes_total(), rows_);
  }

  ImportTarget& target_;
  std::unique_ptr<csv::Source> source_;
  ImportOptions& options_;
  detail::Header header_;
  detail::Keys keys_;
  ImportReport report_;
  std::int64_t rows_ = 0;
  std::size_t told_ = 0;  ///< Bytes and rows at the last progress.
  std::int64_t told_rows_ = 0;
  bool is_apart_ = false;
  detail::RecordBatch batch_;
  std::vector<Result<Stored>> results_;
  detail::LateRecords late_;
};

/// A file that has been opened, and what it takes to import it.
struct Opened {
  Importer importer;
  std::string sum;
};

Task<Opened> open(ImportTarget& target, std::unique_ptr<csv::Source> source,
                  ImportOptions& options) {
  // Of the file that is open: its path may lead to another one by now.
  std::string sum = co_await hash_content(*source);
  Importer importer(target, std::move(source), options);
  co_return Opened{std::move(importer), std::move(sum)};
}

/// Whether all references of the transaction's rows are good, as far as the database can tell.
Task<bool> holds(Transaction& transaction) {
  Result<> held = co_await as_result(transaction.check());
  if (!held && !is_about_record(held.error())) co_return std::move(held).error();
  co_return held.ok();
}

/// Stores all records. The transaction takes statements afterwards, whatever failed.
Task<> store_all(Transaction& transaction, Importer& importer) {
  if (transaction.dialect() != Dialect::postgresql) {
    co_await importer.store_all(transaction);
    co_return;
  }
  std::unique_ptr<Transaction> unit = co_await transaction.begin_nested();
  Result<> stored = co_await as_result(importer.store_all(*unit));
  // Nothing of a refused file is kept.
  if (stored.ok() && importer.report().problems.empty()) {
    co_await unit->commit();
    co_return;
  }
  if (!stored && stored.error().reason() != "TRANSACTION_FAILED") co_await std::move(stored);
  unit.reset();
  // All that is wrong with the file is wanted.
  if (!stored) co_await importer.store_all_apart(transaction);
}

/// Everything but opening the file and the commit.
Task<ImportReport> import_opened(Transaction& transaction, ImportTarget& target, Opened& opened,
                                 bool skip_known) {
  Importer& importer = opened.importer;
  ImportReport& report = importer.report();
  const std::string file(target.file());
  co_await detail::open_import_history(transaction);
  if (skip_known) {
    report.skipped = co_await detail::is_imported(transaction, file, opened.sum);
    if (report.skipped) co_return std::move(report);
  }
  // What an earlier file left dangling in this transaction is not this one's.
  const bool held_before = co_await holds(transaction);
  co_await store_all(transaction, importer);
  if (report.problems.empty()) {
    // References within the file are checked when all of it is there.
    const bool held = co_await holds(transaction);
    if (!held) co_await importer.verify_all(transaction);
    if (!held && held_before && report.problems.empty()) {
      add_problem(report, 0, "",
                  "a record refers to one that is neither in the file nor in the database");
    }
  }
  if (!report.problems.empty()) {  // nothing of it stays
    report.inserted = report.updated = report.unchanged = 0;
    co_return std::move(report);
  }
  co_await detail::remember_import(transaction, file, opened.sum, importer.rows());
  co_return std::move(report);
}

}  // namespace

Task<bool> ImportTarget::store_batch(Transaction&, std::span<const csv::Fields>,
                                     std::vector<Result<Stored>>&) {
  co_return false;
}

Task<> ImportTarget::verify(Session&, std::span<const csv::Field>) {
  co_return;
}

Task<std::optional<std::string>> ImportTarget::page(Session&, const ListQuery&, RecordSink) {
  co_return Error(Code::unimplemented, "these rows can't be listed");
}

Task<> prepare_imports(Database& database) {
  if (!database.has_transactional_schema()) co_await detail::create_import_history(database);
}

Task<ImportReport> import_into(Transaction& transaction, ImportTarget& target, std::string path,
                               ImportOptions options) {
  std::unique_ptr<csv::Source> source = co_await open_rows(path);
  Opened opened = co_await open(target, std::move(source), options);
  co_return co_await import_opened(transaction, target, opened, options.skip_known);
}

Task<ImportReport> import_file(Database& database, ImportTarget& target, std::string path,
                               ImportOptions options) {
  std::unique_ptr<csv::Source> source = co_await open_rows(path);
  co_return co_await import_rows(database, target, std::move(source), std::move(options));
}

Task<ImportReport> import_rows(Database& database, ImportTarget& target,
                               std::unique_ptr<csv::Source> source, ImportOptions options) {
  Opened opened = co_await open(target, std::move(source), options);
  co_await prepare_imports(database);
  // The writer only now: hashing a large file takes time.
  std::unique_ptr<Transaction> transaction = co_await begin_import(database);
  ImportReport report = co_await import_opened(*transaction, target, opened, options.skip_known);
  if (report.problems.empty() && !report.skipped && !options.dry_run) {
    co_await KIT_FAILPOINT_RESULT("import.before_commit");
    co_await transaction->commit();
    KIT_FAILPOINT("import.after_commit");
  }
  co_return report;
}

}  // namespace kit::db
