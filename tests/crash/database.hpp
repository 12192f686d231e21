// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace kit::crash {

/// A SQLite file of the test. Errors end the test: its own database is never in doubt.
class Database {
 public:
  explicit Database(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) fail();
  }
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs statements; what they give, a row a line.
  std::string run(const std::string& sql) {
    std::string rows;
    const auto add = [](void* out, int count, char** values, char**) {
      for (int i = 0; i < count; ++i) {
        *static_cast<std::string*>(out) += values[i] == nullptr ? "NULL" : values[i];
        *static_cast<std::string*>(out) += i + 1 < count ? "|" : "\n";
      }
      return 0;
    };
    if (sqlite3_exec(handle_, sql.c_str(), add, &rows, nullptr) != SQLITE_OK) fail();
    return rows;
  }

 private:
  [[noreturn]] void fail() { throw std::runtime_error(sqlite3_errmsg(handle_)); }
  sqlite3* handle_ = nullptr;
};

}  // namespace kit::crash
