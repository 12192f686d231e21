// SPDX-License-Identifier: Apache-2.0
#include "kit/app/imports.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/csv/csv.hpp"

namespace kit::app {
namespace {

namespace fs = std::filesystem;

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

Task<std::int64_t> export_one(db::Session& session, db::ImportTarget& target, std::string path) {
  NewFile file = co_await NewFile::open(std::move(path));
  std::string text;
  const auto columns = target.columns();
  const std::vector<csv::Field> header(columns.begin(), columns.end());
  csv::write_record(text, header);
  std::int64_t rows = 0;
  auto sink = [&](std::span<const csv::Field> fields) -> Result<> {
    csv::write_record(text, fields);
    ++rows;
    if (text.size() < 64 * 1024UL) return {};
    Result<> flushed = file.write(text);
    text.clear();
    return flushed;
  };
  Result<> written = co_await as_result(target.each(session, sink));
  if (written) written = file.write(text);
  if (written) written = file.finish();
  if (!written) {
    file.abandon();
    co_return std::move(written).error();
  }
  co_return rows;
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
  if (run.names.empty()) {
    std::erase_if(chosen, [&](const db::ImportTarget* target) {
      return !fs::exists(join_path(run.directory, target->file()), ignored);
    });
    if (chosen.empty())
      co_return Error(Code::not_found, "the folder " + run.directory + " has no file to import");
  }
  ImportSummary summary;
  ImportProgress progress;
  progress.files = chosen.size();
  // A dry run tries all files in one transaction, which is then dropped: later files refer to
  // earlier ones.
  std::unique_ptr<db::Transaction> trial;
  if (run.dry_run) trial = co_await database.begin_bulk();
  for (db::ImportTarget* target : chosen) {
    ++progress.number;
    progress.file = target->file();
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
    std::string path = join_path(run.directory, target->file());
    Task<db::ImportReport> importing =
        trial ? db::import_into(*trial, *target, std::move(path), std::move(options))
              : db::import_file(database, *target, std::move(path), std::move(options));
    summary.reports.push_back(co_await std::move(importing));
    if (!summary.reports.back().problems.empty() && !trial) break;
  }
  co_return summary;
}

Task<std::int64_t> export_files(db::Database& database, ImportTargets targets,
                                std::string directory, std::vector<std::string> names,
                                Function<void(std::string_view, std::int64_t)> say) {
  std::vector<db::ImportTarget*> chosen = co_await choose(targets, names);
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed)
    co_return Error(Code::unavailable,
                    "can't make the folder " + directory + ": " + failed.message());
  // All files show the same moment.
  std::unique_ptr<db::Transaction> snapshot = co_await database.begin_read();
  std::int64_t all = 0;
  for (db::ImportTarget* target : chosen) {
    const std::int64_t rows =
        co_await export_one(*snapshot, *target, join_path(directory, target->file()));
    say(target->file(), rows);
    all += rows;
  }
  co_return all;
}

}  // namespace kit::app
