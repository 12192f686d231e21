// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/record/row_caches.hpp"

namespace kit::record {

/// Rows that a unit of work, or a statement outside one, changes. Once it may have been committed
/// they go from the caches, when this is destroyed at the latest. Thread safety: one loop's thread.
class RowCaches::Changes {
 public:
  explicit Changes(RowCaches& caches) : caches_(caches) {}
  ~Changes();
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;

  /// Before a statement: what it changes by its text.
  void note(const std::vector<Effect>& effects, std::span<const db::Parameter> parameters);
  /// After it went well: the id that a new row got.
  void note_new(std::int64_t id);
  /// From now on it may be committed.
  void arm() { armed_ = true; }
  /// Takes the rows out of the caches before it first waits, then tells other instances.
  Task<> tell();

 private:
  void add(std::size_t table, std::string key);
  std::vector<std::string> forget();

  RowCaches& caches_;
  bool armed_ = false;
  std::set<std::pair<std::size_t, std::string>> rows_;
  std::set<std::size_t> new_rows_;  // tables that got a row whose id is not known yet
};

class RowCaches::WatchedDatabase final : public db::Database {
 public:
  WatchedDatabase(db::Database& inner, RowCaches& caches) : inner_(inner), caches_(caches) {}

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override;
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override;
  Task<std::unique_ptr<db::Transaction>> begin() override;
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override;
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override;
  Task<std::unique_ptr<db::Transaction>> begin_schema() override;
  Task<std::unique_ptr<db::Transaction>> begin_read() override { return inner_.begin_read(); }
  db::Session& replica() override { return inner_.replica(); }
  db::Dialect dialect() const override { return inner_.dialect(); }
  bool has_transactional_schema() const override { return inner_.has_transactional_schema(); }

 private:
  class Part;
  Task<> query_writing(std::string_view sql, std::span<const db::Parameter> parameters,
                       db::RowSink sink);
  /// `commits_each`: what it does may be committed without its `commit`.
  Task<std::unique_ptr<db::Transaction>> watched(Task<std::unique_ptr<db::Transaction>> begin,
                                                 bool commits_each = false);

  db::Database& inner_;
  RowCaches& caches_;
};

}  // namespace kit::record
