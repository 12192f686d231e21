// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/backup.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "kit/adapters/sqlite/detail/errors.hpp"
#include "kit/base/uuid.hpp"

namespace kit::sqlite {
namespace {

using detail::to_error;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Handle = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinishBackup {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

/// A file that is removed unless it is kept.
class DraftFile {
 public:
  explicit DraftFile(std::string path) : path_(std::move(path)) {}
  ~DraftFile() {
    for (const char* end : {"", "-journal", "-wal", "-shm"}) ::unlink((path_ + end).c_str());
  }
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Error file_error(const std::string& what, int number) {
  const bool is_full = number == ENOSPC || number == EDQUOT;
  Error error(is_full ? Code::resource_exhausted : Code::unavailable,
              what + ": " + std::strerror(number));
  return is_full ? std::move(error).with_reason("DISK_FULL").with_http_status(507)
                 : std::move(error).with_reason("STORAGE_UNAVAILABLE");
}

bool is_there(const std::string& path) {
  std::error_code failure;
  return std::filesystem::exists(std::filesystem::symlink_status(path, failure));
}

Result<Handle> open_file(const std::string& path, int busy_ms) {
  if (!is_there(path)) return Error(Code::not_found, "there is no database " + path);
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Handle handle(opened);
  if (code != SQLITE_OK) return to_error(opened, code);
  sqlite3_busy_timeout(opened, busy_ms);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return handle;
}

Result<> run(sqlite3* database, const char* sql) {
  const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return to_error(database, code, sql);
  return {};
}

/// The rows of a query, their columns joined by blanks.
Result<std::vector<std::string>> rows(sqlite3* database, const char* sql) {
  std::vector<std::string> found;
  const auto take = [](void* to, int count, char** values, char**) {
    std::string line;
    for (int i = 0; i < count; ++i) {
      line.append(line.empty() ? "" : " ").append(values[i] != nullptr ? values[i] : "null");
    }
    static_cast<std::vector<std::string>*>(to)->push_back(std::move(line));
    return 0;
  };
  const int code = sqlite3_exec(database, sql, take, &found, nullptr);
  if (code != SQLITE_OK) return to_error(database, code, sql);
  return found;
}

/// The state that a transaction of `from` sees, which is open already: without one SQLite would
/// begin anew with every write of another process.
Result<BackupReport> copy(sqlite3* from, sqlite3* to, const BackupOptions& options) {
  std::unique_ptr<sqlite3_backup, FinishBackup> copying(
      sqlite3_backup_init(to, "main", from, "main"));
  if (!copying) return to_error(to, sqlite3_extended_errcode(to));
  const auto give_up = std::chrono::steady_clock::now() + options.busy_timeout;
  BackupReport report;
  int code = SQLITE_OK;
  while (code != SQLITE_DONE) {
    code = sqlite3_backup_step(copying.get(), static_cast<int>(options.pages_at_once));
    const bool is_busy = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED;
    const bool goes_on = code == SQLITE_OK || code == SQLITE_DONE ||
                         (is_busy && std::chrono::steady_clock::now() < give_up);
    if (!goes_on) return to_error(to, code);
    report.pages = sqlite3_backup_pagecount(copying.get());
    if (options.on_progress)
      options.on_progress(report.pages - sqlite3_backup_remaining(copying.get()), report.pages);
    if (code != SQLITE_DONE) std::this_thread::sleep_for(options.pause);  // for other programs
  }
  code = sqlite3_backup_finish(copying.release());
  if (code != SQLITE_OK) return to_error(to, code);
  return report;
}

Result<> sync_file(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return file_error("can't open " + path, errno);
  const int failed = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (failed != 0) return file_error("can't make " + path + " durable", failed);
  return {};
}

/// Under its name, which nothing may have yet.
Result<> publish(const std::string& draft, const std::string& to) {
  if (::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    const int number = errno;
    // File systems that can't do that know links, which are as careful.
    const bool is_linked = number == EINVAL && ::link(draft.c_str(), to.c_str()) == 0;
    const int why = number == EINVAL && !is_linked ? errno : number;
    if (!is_linked && why == EEXIST)
      return Error(Code::already_exists, to + " exists: it is never written over");
    if (!is_linked) return file_error("can't make " + to, why);
  }
  const std::string folder = std::filesystem::absolute(to).parent_path().string();
  return sync_file(folder, O_RDONLY | O_DIRECTORY);
}

/// An empty file that only its owner reads: SQLite keeps the mode.
Result<> make_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return file_error("can't make " + path, errno);
  ::close(file);
  return {};
}

Result<BackupReport> copy_to(const BackupOptions& options, const std::string& draft) {
  const int busy = static_cast<int>(options.busy_timeout.count());
  KIT_TRY(make_file(draft));
  auto from = open_file(options.from, busy);
  if (!from) return std::move(from).error();
  auto to = open_file(draft, busy);
  if (!to) return std::move(to).error();
  // The draft is made durable at its end; until then nobody needs it.
  KIT_TRY(run(to->get(), "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF"));
  KIT_TRY(run(from->get(), "BEGIN; SELECT count(*) FROM sqlite_schema"));
  return copy(from->get(), to->get(), options);
}

}  // namespace

Result<BackupReport> backup(const BackupOptions& options) {
  if (options.pages_at_once == 0 || options.pages_at_once > 1'000'000)
    return invalid("pages_at_once", "must be between 1 and 1000000");
  for (const char* end : {"", "-wal", "-shm", "-journal"}) {
    if (is_there(options.to + end))
      return Error(Code::already_exists, options.to + end + " exists: it is never written over");
  }
  const DraftFile draft(options.to + ".part-" + Uuid::make_v7().to_string());
  auto report = copy_to(options, draft.path());
  if (!report) return report;
  auto sound = check(draft.path());
  if (!sound) return std::move(sound).error();
  if (!sound->problems.empty()) {
    return Error(Code::data_loss, "the database is damaged, so that its copy is worth nothing: " +
                                      sound->problems.front() +
                                      (sound->problems.size() > 1 ? ", and more" : "") +
                                      "; look at the database with db check")
        .with_reason("DATABASE_CORRUPT");
  }
  KIT_TRY(sync_file(draft.path(), O_RDWR));
  std::error_code failure;
  report->bytes = static_cast<std::int64_t>(std::filesystem::file_size(draft.path(), failure));
  KIT_TRY(publish(draft.path(), options.to));
  return report;
}

Result<CheckReport> check(const std::string& path) {
  auto database = open_file(path, 10'000);
  if (!database) return std::move(database).error();
  CheckReport report;
  auto integrity = rows(database->get(), "PRAGMA integrity_check(100)");
  if (!integrity) return std::move(integrity).error();
  for (std::string& each : *integrity) {
    if (each != "ok") report.problems.push_back(std::move(each));
  }
  auto keys = rows(database->get(),
                   "SELECT 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" || ' refers to a "
                   "row of ' || parent || ' that is not there'\n"
                   "FROM pragma_foreign_key_check LIMIT 100");
  if (!keys) return std::move(keys).error();
  for (std::string& each : *keys) report.problems.push_back(std::move(each));
  auto pages = rows(database->get(), "PRAGMA page_count");
  if (pages && !pages->empty()) report.pages = std::atoll(pages->front().c_str());
  return report;
}

}  // namespace kit::sqlite
