// SPDX-License-Identifier: Apache-2.0
#include "kit/record/detail/watched_database.hpp"

#include <optional>
#include <variant>

#include "kit/base/text.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/insert_rows.hpp"

namespace kit::record {
namespace {

/// More rows of one unit of work become "all".
constexpr std::size_t most_rows = 1'000;
constexpr std::string_view all_rows = "*";

/// What needs no look: most statements.
bool is_select(std::string_view sql) {
  const std::size_t start = sql.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && iequals(sql.substr(start, 6), "SELECT");
}

/// As `row_key` writes it; nothing for what can't be an id.
std::optional<std::string> key_of(const db::Parameter& id) {
  if (const auto* const number = std::get_if<std::int64_t>(&id)) return std::to_string(*number);
  const auto* const text = std::get_if<std::string_view>(&id);
  if (text == nullptr) return std::nullopt;
  const std::optional<Uuid> uuid = Uuid::parse(*text);
  return uuid ? std::optional(uuid->to_string()) : std::nullopt;
}

}  // namespace

RowCaches::Changes::~Changes() {
  if (!armed_) return;
  std::vector<std::string> keys = forget();
  if (caches_.shared_.load() != nullptr) caches_.keep_for_later(std::move(keys));
}

void RowCaches::Changes::add(std::size_t table, std::string key) {
  if (rows_.contains({table, std::string(all_rows)})) return;
  if (key == all_rows || rows_.size() >= most_rows) {
    std::erase_if(rows_, [&](const auto& row) { return row.first == table; });
    key = all_rows;
  }
  rows_.emplace(table, std::move(key));
}

void RowCaches::Changes::note(const std::vector<Effect>& effects,
                              std::span<const db::Parameter> parameters) {
  for (const Effect& effect : effects) {
    if (!effect.id_parameter || *effect.id_parameter > parameters.size()) {
      add(effect.table, std::string(all_rows));
      continue;
    }
    const db::Parameter& id = parameters[*effect.id_parameter - 1];
    if (std::holds_alternative<std::nullptr_t>(id)) {
      new_rows_.insert(effect.table);
    } else {
      add(effect.table, key_of(id).value_or(std::string(all_rows)));
    }
  }
}

void RowCaches::Changes::note_new(std::int64_t id) {
  for (const std::size_t table : new_rows_) add(table, std::to_string(id));
  new_rows_.clear();
}

std::vector<std::string> RowCaches::Changes::forget() {
  armed_ = false;
  // Of a statement that did not end: it may have made any row.
  for (const std::size_t table : new_rows_) add(table, std::string(all_rows));
  new_rows_.clear();
  std::vector<std::string> keys;
  for (const auto& [table, key] : rows_) {
    cache::LocalStore& store = caches_.store(table);
    key == all_rows ? store.clear() : store.invalidate(key);
    keys.push_back(caches_.announced(table, key));
  }
  rows_.clear();
  return keys;
}

Task<> RowCaches::Changes::tell() {
  return caches_.announce(forget());
}

/// A unit of work, or one inside another, whose changes are the outermost one's.
class RowCaches::WatchedDatabase::Part final : public db::Transaction {
 public:
  Part(RowCaches& caches, std::unique_ptr<db::Transaction> inner, std::shared_ptr<Changes> changes,
       bool is_nested)
      : caches_(caches),
        changes_(std::move(changes)),
        inner_(std::move(inner)),
        is_nested_(is_nested) {}

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    if (!is_select(sql)) changes_->note(*caches_.effects(sql), parameters);
    return inner_->query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    changes_->note(*caches_.effects(sql), parameters);
    const Changed changed = co_await inner_->execute(sql, parameters);
    changes_->note_new(changed.last_id);
    co_return changed;
  }
  Task<std::unique_ptr<db::Transaction>> begin_nested() override {
    std::unique_ptr<db::Transaction> inner = co_await inner_->begin_nested();
    std::unique_ptr<db::Transaction> part =
        std::make_unique<Part>(caches_, std::move(inner), changes_, true);
    co_return part;
  }
  Task<std::int64_t> insert_rows(std::string_view table, std::span<const std::string_view> columns,
                                 db::RowSource next) override {
    const auto effects = caches_.effects(db::insert_text(table, columns, 1));
    auto noted = [&](std::vector<db::Parameter>& row) -> Result<bool> {
      Result<bool> more = next(row);
      if (more.ok() && *more) changes_->note(*effects, row);
      return more;
    };
    Task<std::int64_t> storing = inner_->insert_rows(table, columns, noted);
    co_return co_await std::move(storing);
  }
  Task<> check() override { return inner_->check(); }
  Task<> commit() override {
    if (is_nested_) return inner_->commit();
    return commit_whole();
  }
  db::Dialect dialect() const override { return inner_->dialect(); }

 private:
  /// A commit that fails may have happened all the same.
  Task<> commit_whole() {
    changes_->arm();
    const Result<> committed = co_await as_result(inner_->commit());
    Task<> telling = changes_->tell();
    co_await std::move(telling);
    if (!committed) co_await committed.error().clone();
  }

  RowCaches& caches_;
  std::shared_ptr<Changes> changes_;
  std::unique_ptr<db::Transaction> inner_;  // goes first
  bool is_nested_;
};

Task<> RowCaches::WatchedDatabase::query(std::string_view sql,
                                         std::span<const db::Parameter> parameters,
                                         db::RowSink sink) {
  return is_select(sql) ? inner_.query(sql, parameters, sink)
                        : query_writing(sql, parameters, sink);
}

Task<> RowCaches::WatchedDatabase::query_writing(std::string_view sql,
                                                 std::span<const db::Parameter> parameters,
                                                 db::RowSink sink) {
  Changes changes(caches_);
  changes.note(*caches_.effects(sql), parameters);
  changes.arm();
  const Result<> done = co_await as_result(inner_.query(sql, parameters, sink));
  Task<> telling = changes.tell();
  co_await std::move(telling);
  if (!done) co_await done.error().clone();
}

Task<db::Session::Changed> RowCaches::WatchedDatabase::execute(
    std::string_view sql, std::span<const db::Parameter> parameters) {
  Changes changes(caches_);
  changes.note(*caches_.effects(sql), parameters);
  changes.arm();
  Result<Changed> done = co_await as_result(inner_.execute(sql, parameters));
  if (done) changes.note_new(done->last_id);
  Task<> telling = changes.tell();
  co_await std::move(telling);
  co_return std::move(done);
}

Task<std::unique_ptr<db::Transaction>> RowCaches::WatchedDatabase::watched(
    Task<std::unique_ptr<db::Transaction>> begin, bool commits_each) {
  std::unique_ptr<db::Transaction> inner = co_await std::move(begin);
  auto changes = std::make_shared<Changes>(caches_);
  if (commits_each) changes->arm();
  std::unique_ptr<db::Transaction> part =
      std::make_unique<Part>(caches_, std::move(inner), std::move(changes), false);
  co_return part;
}

Task<std::unique_ptr<db::Transaction>> RowCaches::WatchedDatabase::begin() {
  return watched(inner_.begin());
}
Task<std::unique_ptr<db::Transaction>> RowCaches::WatchedDatabase::begin_isolated(
    db::Isolation isolation) {
  return watched(inner_.begin_isolated(isolation));
}
Task<std::unique_ptr<db::Transaction>> RowCaches::WatchedDatabase::begin_bulk() {
  return watched(inner_.begin_bulk());
}
Task<std::unique_ptr<db::Transaction>> RowCaches::WatchedDatabase::begin_schema() {
  return watched(inner_.begin_schema(), !inner_.has_transactional_schema());
}

}  // namespace kit::record
