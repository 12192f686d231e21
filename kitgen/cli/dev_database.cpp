// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/dev_database.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using kit::Code;
using kit::Error;
using kit::Result;
using kit::Task;

Result<> copy_file(const std::string& from, const std::string& to) {
  std::error_code code;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, code);
  if (code)
    return Error(Code::unavailable, "cannot copy " + from + " to " + to + ": " + code.message());
  return {};
}

/// With the turn to write in hand the log is not begun anew: the file and then its log hold every
/// commit, whatever is being written back into the file meanwhile.
Task<> copy_with_log(kit::db::Database& database, std::string path, std::string copy) {
  const std::unique_ptr<kit::db::Transaction> turn = co_await database.begin();
  co_await copy_file(path, copy);
  if (fs::exists(path + "-wal")) co_await copy_file(path + "-wal", copy + "-wal");
}

Task<> look(kit::db::Database& database) {
  const std::unique_ptr<kit::db::Transaction> read = co_await database.begin_read();
  auto nothing = [](const kit::db::Row&) -> Result<> { return {}; };
  co_await read->query("SELECT count(*) FROM sqlite_master", {}, nothing);
}

template <class Work>
Result<> with_database(const std::string& path, Work work) {
  auto loop = kit::make_epoll_loop();
  if (!loop) return std::move(loop).error();
  kit::sqlite::SqliteOptions options;
  options.path = path;
  auto database = kit::sqlite::open(options);
  if (!database) return std::move(database).error();
  Task<> task = work(**database);
  return kit::run(**loop, std::move(task));
}

}  // namespace

Result<> copy_database(const std::string& path, const std::string& copy) {
  if (!fs::exists(path)) return Error(Code::not_found, "there is no database " + path);
  KIT_TRY(with_database(
      path, [&](kit::db::Database& database) { return copy_with_log(database, path, copy); }));
  // Whoever closes a database last writes its log back: the copy is one file then.
  KIT_TRY(with_database(copy, [](kit::db::Database& database) { return look(database); }));
  return {};
}

void drop_old_copies(const std::string& folder, const std::string& stem, std::size_t kept) {
  std::vector<fs::path> copies;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(stem + "-") && name.ends_with(".db")) copies.push_back(entry.path());
  }
  std::ranges::sort(copies, std::ranges::greater{});
  for (std::size_t i = kept; i < copies.size(); ++i) fs::remove(copies[i], code);
}

}  // namespace kitgen::cli
