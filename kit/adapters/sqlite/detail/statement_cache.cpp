// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/detail/statement_cache.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>

#include "kit/adapters/sqlite/detail/errors.hpp"
#include "kit/base/text.hpp"

namespace kit::sqlite::detail {

StatementCache::StatementCache(sqlite3* database, std::size_t capacity)
    : database_(database), capacity_(std::max<std::size_t>(capacity, 4)) {
  hints_.fill(entries_.end());
}

StatementCache::~StatementCache() {
  clear();
}

StatementCache::Place* StatementCache::hint(std::string_view sql) {
  auto mix = reinterpret_cast<std::uintptr_t>(sql.data()) >> 3 ^ sql.size();
  return &hints_[mix % hints_.size()];
}

Result<sqlite3_stmt*> StatementCache::prepare(std::string_view sql) {
  Place* guess = hint(sql);
  if (*guess == entries_.end() || (*guess)->sql != sql) {
    auto found = by_text_.find(sql);
    *guess = found == by_text_.end() ? entries_.end() : found->second;
  }
  if (*guess != entries_.end()) {
    if (*guess != entries_.begin()) entries_.splice(entries_.begin(), entries_, *guess);
    return (*guess)->statement;
  }
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (code != SQLITE_OK) return to_error(database_, sqlite3_extended_errcode(database_), sql);
  auto used = static_cast<std::size_t>(rest - sql.data());
  if (statement == nullptr || !trim(sql.substr(used)).empty()) {
    sqlite3_finalize(statement);
    return Error(Code::internal, "not exactly one SQL statement: " + std::string(sql));
  }
  ++prepared_;
  if (entries_.size() >= capacity_) evict();
  entries_.push_front({std::string(sql), statement});
  by_text_.emplace(entries_.front().sql, entries_.begin());
  *guess = entries_.begin();
  return statement;
}

void StatementCache::evict() {
  Place last = std::prev(entries_.end());
  std::replace(hints_.begin(), hints_.end(), last, entries_.end());
  by_text_.erase(last->sql);
  sqlite3_finalize(last->statement);
  entries_.erase(last);
}

void StatementCache::clear() {
  while (!entries_.empty()) evict();
}

}  // namespace kit::sqlite::detail
