// SPDX-License-Identifier: Apache-2.0
#include "kit/db/import.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kit/csv/csv.hpp"
#include "kit/db/row_file.hpp"

namespace kit::db {
namespace {

constexpr std::size_t max_problems = 1000;
/// Rows, and bytes of the file, between two turns of the loop: some milliseconds of work.
constexpr std::int64_t batch_rows = 256;
constexpr std::size_t batch_bytes = 512 * 1024;
constexpr std::size_t hash_chunk_bytes = 256 * 1024;

constexpr std::string_view create_history =
    "CREATE TABLE IF NOT EXISTS kit_imports ("
    "file TEXT NOT NULL, sha256 TEXT NOT NULL, \"rows\" INTEGER NOT NULL, "
    "imported_at INTEGER NOT NULL, PRIMARY KEY (file, sha256))";
constexpr std::string_view find_history =
    "SELECT 1 FROM kit_imports WHERE file = ?1 AND sha256 = ?2";
constexpr std::string_view forget_history =
    "DELETE FROM kit_imports WHERE file = ?1 AND sha256 = ?2";
constexpr std::string_view add_history =
    "INSERT INTO kit_imports (file, sha256, \"rows\", imported_at) VALUES (?1, ?2, ?3, ?4)";

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

/// A failure that says something about the record; others say something about the database.
bool is_about_record(const Error& error) {
  switch (error.code()) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::already_exists:
    case Code::failed_precondition:
    case Code::out_of_range:
      return true;
    default:
      return false;
  }
}

void add_problem(ImportReport& report, std::size_t line, std::string column,
                 std::string description) {
  if (report.problems.size() < max_problems) {
    report.problems.push_back({line, std::move(column), std::move(description)});
  }
}

void add_problems(ImportReport& report, std::size_t line, const Error& error) {
  if (error.violations().empty()) add_problem(report, line, "", error.message());
  for (const FieldViolation& violation : error.violations()) {
    add_problem(report, line, violation.field, violation.description);
  }
}

/// Where the target's columns stand in the file.
class Header {
 public:
  /// False when the file does not have the columns it should; the report says which.
  bool read(const csv::Record& record, std::span<const std::string_view> wanted,
            ImportReport& report) {
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
      const std::string_view name = record.fields[i].value_or("");
      if (std::ranges::find(wanted, name) == wanted.end()) {
        add_problem(report, record.line, std::string(name),
                    "is not a column of " + report.target + did_you_mean(name, wanted));
      } else if (std::ranges::count(record.fields.first(i), record.fields[i]) != 0) {
        add_problem(report, record.line, std::string(name), "is given twice");
      }
    }
    for (const std::string_view name : wanted) {
      const auto found = std::ranges::find(record.fields, name);
      if (found == record.fields.end()) {
        add_problem(report, record.line, std::string(name), "is missing");
      }
      places_.push_back(static_cast<std::size_t>(found - record.fields.begin()));
    }
    return report.problems.empty();
  }

  /// The fields of a record in the order of the target's columns. Lifetime: until the next call.
  std::span<const csv::Field> order(const csv::Record& record, bool guarded) {
    fields_.clear();
    for (const std::size_t place : places_) {
      csv::Field& field = fields_.emplace_back(record.fields[place]);
      if (guarded && field) field = csv::unguarded(*field);
    }
    return fields_;
  }

 private:
  std::vector<std::size_t> places_;
  std::vector<csv::Field> fields_;
};

/// The keys of a file so far. Of each only 64 bits of its SHA-256 are kept: in one of 30 million
/// files with a million records two keys have the same.
class Keys {
 public:
  /// The line on which the same key was given before; nothing for a new key, or one that is not
  /// whole.
  std::optional<std::size_t> add(std::span<const csv::Field> key, std::size_t line) {
    Sha256 sum;
    for (const csv::Field& field : key) {
      if (!field) return std::nullopt;
      sum.add(*field);
      sum.add(std::string_view("\0", 1));  // which no field holds
    }
    const auto part = sum.finish().substr(0, 16);
    std::uint64_t hash = 0;
    std::from_chars(part.data(), part.data() + part.size(), hash, 16);
    const auto [place, is_new] = lines_.try_emplace(hash, line);
    return is_new ? std::nullopt : std::optional(place->second);
  }

 private:
  std::unordered_map<std::uint64_t, std::size_t> lines_;
};

class Importer {
 public:
  Importer(ImportTarget& target, std::unique_ptr<csv::Source> source, ImportOptions& options)
      : target_(target), source_(std::move(source)), options_(options) {
    report_.target = target.name();
  }

  /// Reads and stores everything; what is wrong is in the report.
  Task<> store_all(Session& session) {
    csv::Record record;
    bool has_header = false;
    while (report_.problems.size() < max_problems) {
      Result<bool> more = source_->next(record);
      if (more.ok() && !*more) break;
      if (!more) {
        co_await as_problem(record, std::move(more).error());
        if (!has_header) co_return;
        ++rows_;
      } else if (!has_header && !record.fields.empty()) {
        has_header = true;
        if (!header_.read(record, target_.columns(), report_)) co_return;
      } else if (!record.fields.empty()) {
        Task<> storing = store(session, record);
        co_await std::move(storing);
        ++rows_;
      }
      if (source_->bytes_read() - told_ >= batch_bytes || rows_ - told_rows_ >= batch_rows) {
        progress();
        co_await sleep_for(Clock::duration::zero());
      }
    }
    if (!has_header) add_problem(report_, 1, "", "the file is empty: it has no header");
    progress();
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

  Task<> store(Session& session, const csv::Record& record) {
    const std::size_t line = record.line;
    const std::span<const csv::Field> fields = header_.order(record, options_.guarded);
    if (is_given_twice(fields.first(target_.key_columns()), line)) co_return;
    Task<Stored> storing = target_.store(session, fields);
    Result<Stored> stored = co_await as_result(std::move(storing));
    if (stored.ok()) {
      if (*stored == Stored::inserted) ++report_.inserted;
      if (*stored == Stored::updated) ++report_.updated;
      if (*stored == Stored::unchanged) ++report_.unchanged;
      co_return;
    }
    co_await refuse(line, std::move(stored).error());
  }

  /// The later one would win, and then the earlier one when the file is imported again.
  bool is_given_twice(std::span<const csv::Field> key, std::size_t line) {
    const std::optional<std::size_t> before = keys_.add(key, line);
    if (!before) return false;
    std::string columns;
    for (const std::string_view name : target_.columns().first(key.size()))
      columns.append(columns.empty() ? "" : ", ").append(name);
    add_problem(report_, line, std::move(columns),
                "is given twice, first in line " + std::to_string(*before));
    return true;
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
  Header header_;
  Keys keys_;
  ImportReport report_;
  std::int64_t rows_ = 0;
  std::size_t told_ = 0;  ///< Bytes and rows at the last progress.
  std::int64_t told_rows_ = 0;
};

Task<bool> is_known(Session& session, std::string_view file, std::string_view sum) {
  bool known = false;
  const std::array<Parameter, 2> parameters = {file, sum};
  auto sink = [&](const Row&) -> Result<> {
    known = true;
    return {};
  };
  co_await session.query(find_history, parameters, sink);
  co_return known;
}

Task<> remember(Session& session, std::string_view file, std::string_view sum, std::int64_t rows) {
  const std::array<Parameter, 2> key = {file, sum};
  co_await session.execute(forget_history, key);
  const std::array<Parameter, 4> parameters = {file, sum, rows,
                                               Timestamp::now().since_epoch.count()};
  co_await session.execute(add_history, parameters);
}

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

/// Everything but opening the file and the commit.
Task<ImportReport> import_opened(Transaction& transaction, ImportTarget& target, Opened& opened,
                                 bool skip_known) {
  Importer& importer = opened.importer;
  ImportReport& report = importer.report();
  const std::string file(target.file());
  co_await transaction.execute(create_history, {});
  if (skip_known) {
    report.skipped = co_await is_known(transaction, file, opened.sum);
    if (report.skipped) co_return std::move(report);
  }
  // What an earlier file left dangling in this transaction is not this one's.
  const bool held_before = co_await holds(transaction);
  co_await importer.store_all(transaction);
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
  co_await remember(transaction, file, opened.sum, importer.rows());
  co_return std::move(report);
}

}  // namespace

Task<> ImportTarget::verify(Session&, std::span<const csv::Field>) {
  co_return;
}

Task<std::optional<std::string>> ImportTarget::page(Session&, const ListQuery&, RecordSink) {
  co_return Error(Code::unimplemented, "these rows can't be listed");
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
  // The writer only now: hashing a large file takes time.
  std::unique_ptr<Transaction> transaction = co_await database.begin_bulk();
  ImportReport report = co_await import_opened(*transaction, target, opened, options.skip_known);
  if (report.problems.empty() && !report.skipped && !options.dry_run) {
    co_await KIT_FAILPOINT_RESULT("import.before_commit");
    co_await transaction->commit();
    KIT_FAILPOINT("import.after_commit");
  }
  co_return report;
}

}  // namespace kit::db
