// SPDX-License-Identifier: Apache-2.0
#include "kit/app/imports.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/import_lock.hpp"
#include "kit/db/row_file.hpp"

namespace kit::app {
namespace {

namespace fs = std::filesystem;

/// Rows between two writes to a file that is exported.
constexpr std::int64_t rows_at_once = 500;

/// The targets of those names, in their order of import; all when there are no names.
Result<std::vector<db::ImportTarget*>> choose(ImportTargets targets,
                                              const std::vector<std::string>& names) {
  std::vector<std::string_view> known;
  for (const auto& target : targets) known.push_back(target->name());
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) == known.end()) {
      return Error(Code::invalid_argument, "nothing to import or export is called '" + name + "'" +
                                               did_you_mean(name, known));
    }
  }
  std::vector<db::ImportTarget*> chosen;
  for (const auto& target : targets) {
    if (names.empty() || std::ranges::find(names, target->name()) != names.end())
      chosen.push_back(target.get());
  }
  return chosen;
}

std::string join_path(const std::string& folder, std::string_view file) {
  return (fs::path(folder) / fs::path(file)).string();
}

std::string file_of(const db::ImportTarget& target, db::RowFormat format) {
  return db::file_in_format(target.file(), format);
}

/// A target and the file it is filled from.
struct Planned {
  db::ImportTarget* target = nullptr;
  std::string file;
};

/// Without a format what is there counts; two of them are one too many.
Result<std::string> choose_file(const std::string& folder, const db::ImportTarget& target,
                                std::optional<db::RowFormat> format) {
  if (format) return file_of(target, *format);
  std::string csv = file_of(target, db::RowFormat::csv);
  std::string xlsx = file_of(target, db::RowFormat::xlsx);
  std::error_code ignored;
  if (!fs::exists(join_path(folder, xlsx), ignored)) return csv;
  if (!fs::exists(join_path(folder, csv), ignored)) return xlsx;
  return Error(Code::invalid_argument, "the folder " + folder + " has both " + csv + " and " +
                                           xlsx +
                                           "; choose one with --format csv or --format xlsx");
}

/// A file that is written under another name first, so that nobody sees half of it.
class NewFile {
 public:
  static Result<NewFile> open(std::string path) {
    std::FILE* file = std::fopen((path + ".part").c_str(), "wbe");
    if (file == nullptr) return Error(Code::unavailable, "can't write " + path + ".part");
    return NewFile(std::move(path), file);
  }
  Result<> write(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size()) return {};
    return Error(Code::resource_exhausted, "can't write " + path_ + ".part: is the disk full?");
  }
  /// The file is on the disk before it replaces an older one.
  Result<> finish() {
    const bool flushed = std::fflush(file_.get()) == 0 && ::fsync(::fileno(file_.get())) == 0;
    if (std::fclose(file_.release()) != 0 || !flushed)
      return Error(Code::resource_exhausted, "can't write " + path_ + ".part");
    std::error_code failed;
    fs::rename(path_ + ".part", path_, failed);
    if (failed) return Error(Code::unavailable, "can't write " + path_ + ": " + failed.message());
    return {};
  }
  /// Leaves nothing behind of a file that was not finished.
  void abandon() {
    std::error_code ignored;
    if (file_) fs::remove(path_ + ".part", ignored);
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  NewFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// To the disk in pieces, as they are ready.
Task<std::int64_t> write_rows(db::Session& session, db::ImportTarget& target, db::RowFile& rows,
                              NewFile& file) {
  std::int64_t count = 0;
  auto sink = [&](const csv::Fields& fields) -> Result<> {
    KIT_TRY(rows.add(fields));
    if (++count % rows_at_once != 0) return {};
    return file.write(rows.take());
  };
  co_await target.each(session, sink);
  co_await rows.finish();
  while (true) {
    const std::string piece = co_await rows.rest();
    if (piece.empty()) break;
    co_await file.write(piece);
  }
  co_await file.finish();
  co_return count;
}

Task<std::int64_t> export_one(db::Session& session, db::ImportTarget& target, std::string path,
                              db::RowFormat format) {
  db::RowFileOptions options;
  options.format = format;
  options.title = target.name();
  options.directory = fs::path(path).parent_path().string();
  options.is_direct = true;  // nobody else is served
  Task<std::unique_ptr<db::RowFile>> making = db::make_row_file(target.columns(), options);
  const std::unique_ptr<db::RowFile> rows = co_await std::move(making);
  NewFile file = co_await NewFile::open(std::move(path));
  Result<std::int64_t> written = co_await as_result(write_rows(session, target, *rows, file));
  if (!written) file.abandon();
  co_return written;
}

}  // namespace

std::size_t ImportSummary::refused() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      reports, [](const db::ImportReport& report) { return !report.problems.empty(); }));
}

std::int64_t ImportSummary::rows() const {
  return std::accumulate(reports.begin(), reports.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& report) {
                           return sum + report.inserted + report.updated + report.unchanged;
                         });
}

std::string problems_text(const db::ImportReport& report, std::string_view file) {
  std::string text;
  for (const db::RowProblem& problem : report.problems) {
    text.append(file).append(":").append(std::to_string(problem.line)).append(": ");
    if (!problem.column.empty()) text.append(problem.column).append(": ");
    text.append(problem.description).append("\n");
  }
  return text;
}

Task<ImportSummary> import_files(db::Database& database, ImportTargets targets, ImportRun run) {
  std::vector<db::ImportTarget*> chosen = co_await choose(targets, run.names);
  std::error_code ignored;
  if (!fs::is_directory(run.directory, ignored)) {
    co_return Error(Code::not_found, "there is no folder " + run.directory +
                                         " (the setting import.directory, or --dir)");
  }
  std::vector<Planned> planned;
  for (db::ImportTarget* target : chosen) {
    Planned one{target, co_await choose_file(run.directory, *target, run.format)};
    const bool is_there = fs::exists(join_path(run.directory, one.file), ignored);
    if (is_there || !run.names.empty()) planned.push_back(std::move(one));
  }
  if (planned.empty())
    co_return Error(Code::not_found, "the folder " + run.directory + " has no file to import");
  ImportSummary summary;
  ImportProgress progress;
  progress.files = planned.size();
  // A dry run tries all files in one transaction, which is then dropped: later files refer to
  // earlier ones.
  std::unique_ptr<db::Transaction> trial;
  co_await db::prepare_imports(database);
  if (run.dry_run) trial = co_await db::begin_import(database);
  for (const auto& [target, file] : planned) {
    ++progress.number;
    progress.file = file;
    progress.percent = 0;
    const std::int64_t rows_before = summary.rows();
    if (run.progress) run.progress(progress);
    db::ImportOptions options;
    options.skip_known = run.skip_known;
    options.progress = [&](std::size_t bytes, std::size_t bytes_total, std::int64_t rows) {
      progress.rows = rows_before + rows;
      progress.percent = bytes_total == 0 ? 100 : static_cast<int>(bytes * 100 / bytes_total);
      if (run.progress) run.progress(progress);
    };
    std::string path = join_path(run.directory, file);
    Task<db::ImportReport> importing =
        trial ? db::import_into(*trial, *target, std::move(path), std::move(options))
              : db::import_file(database, *target, std::move(path), std::move(options));
    summary.reports.push_back(co_await std::move(importing));
    summary.files.push_back(file);
    if (!summary.reports.back().problems.empty() && !trial) break;
  }
  co_return summary;
}

Task<std::int64_t> export_files(db::Database& database, ImportTargets targets,
                                std::string directory, std::vector<std::string> names,
                                db::RowFormat format,
                                Function<void(std::string_view, std::int64_t)> say) {
  std::vector<db::ImportTarget*> chosen = co_await choose(targets, names);
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed)
    co_return Error(Code::unavailable,
                    "can't make the folder " + directory + ": " + failed.message());
  co_await db::check_available(format);
  // All files show the same moment.
  std::unique_ptr<db::Transaction> snapshot = co_await database.begin_read();
  std::int64_t all = 0;
  for (db::ImportTarget* target : chosen) {
    const std::string file = file_of(*target, format);
    const std::int64_t rows =
        co_await export_one(*snapshot, *target, join_path(directory, file), format);
    say(file, rows);
    all += rows;
  }
  co_return all;
}

}  // namespace kit::app
