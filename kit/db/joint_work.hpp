// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/db/database.hpp"

namespace kit::db {

/// Work whose transactions become parts of one, so that something can be stored with what they
/// change: with the first `begin` under it (see `Entry`) the one transaction begins, a part's
/// `commit` only says that it may be committed, and single reads see what the parts changed.
/// Whoever owns the work commits it. Without a part nothing is begun. Thread safety: one loop's
/// thread. Lifetime: longer than the tasks that run under it.
class JointWork {
 public:
  /// Called once the one transaction has begun, before anything else happens in it. An error ends
  /// the transaction, and `begin` fails with it.
  using Begun = Function<Task<>(Transaction&)>;

  /// What becomes of what a part did that is dropped without `commit`.
  enum class Dropped : std::uint8_t {
    undone,  ///< As without the work.
    kept,    ///< It stays until the owner drops everything, which it must: see `has_dropped`.
    /// That alone is undone; the owner must drop everything all the same. Each part is a unit of
    /// work inside the one transaction, so that others go on where a failed statement ends its
    /// transaction.
    apart,
  };

  /// Made under another work, it becomes a part of that one.
  explicit JointWork(Begun begun, Dropped dropped = Dropped::undone)
      : begun_(std::move(begun)), dropped_(dropped), outer_(current()) {}
  JointWork(const JointWork&) = delete;
  JointWork& operator=(const JointWork&) = delete;

  /// That of the task that runs now; null when it is under none.
  static JointWork* current() { return static_cast<JointWork*>(Context::find_local(&key)); }

  /// The one transaction; null before the first part has begun, and when nothing of it is to stay.
  Transaction* transaction() { return transaction_.get(); }
  /// Where statements run now: inside it, or inside the part that is open.
  Transaction* innermost() { return unit_ != nullptr ? unit_.get() : transaction_.get(); }
  /// Some part was dropped, and what it did is still there.
  bool has_dropped() const { return torn_; }
  /// Some part said that it may be committed.
  bool is_ready() const { return parts_ > 0 && transaction_ != nullptr; }
  /// Fails as `Transaction::commit` does, and with `failed_precondition` when a part was dropped
  /// behind one that may be committed: they can't be told apart any more. Only when `is_ready()`.
  Task<> commit();
  /// Undoes everything; others get their turn to write.
  void drop() {
    unit_.reset();
    transaction_.reset();
    after_commit_.clear();
  }
  /// Has `action` called once everything is committed; when it never is, it is dropped.
  void after_commit(Function<void()> action);

  /// Everything that the coroutine which has this calls until `leave` is under the work.
  class Entry : public LocalScope {
   public:
    explicit Entry(JointWork& work) : LocalScope(&key, &work) {}
  };

 private:
  friend class JoiningDatabase;
  class Part;
  enum class Kind : std::uint8_t { ordinary, bulk };
  Task<std::unique_ptr<Transaction>> begin_part(Database& database, Kind kind,
                                                Isolation isolation = Isolation::standard);
  Task<std::unique_ptr<Transaction>> begin_whole(Database& database, Kind kind,
                                                 Isolation isolation);
  void end_part(bool committed);

  static const char key;
  Begun begun_;
  Dropped dropped_;
  JointWork* outer_;
  std::unique_ptr<Transaction> transaction_;
  std::unique_ptr<Transaction> unit_;          // of the open part, when parts are apart
  Isolation isolation_ = Isolation::standard;  // of the one transaction
  std::vector<Function<void()>> after_commit_;
  int parts_ = 0;  // that may be committed
  bool open_ = false;
  bool torn_ = false;
};

/// A database that knows of `JointWork`: under one its transactions are parts and its reads are
/// reads of the one transaction; otherwise it is `inner`. Snapshots and changes of tables are
/// `inner`'s always. Thread safety: any thread that runs a loop. Cost: a look at the context for
/// each statement.
class JoiningDatabase final : public Database {
 public:
  /// Lifetime: `inner` outlives this.
  explicit JoiningDatabase(Database& inner) : inner_(inner) {}

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override;
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override;
  Task<std::unique_ptr<Transaction>> begin() override;
  /// Under a work the first part decides; a later one that asks for more fails with
  /// `failed_precondition` (ISOLATION_TOO_LOW).
  Task<std::unique_ptr<Transaction>> begin_isolated(Isolation isolation) override;
  Task<std::unique_ptr<Transaction>> begin_bulk() override;
  Task<std::unique_ptr<Transaction>> begin_schema() override { return inner_.begin_schema(); }
  Task<std::unique_ptr<Transaction>> begin_autocommit() override {
    return inner_.begin_autocommit();
  }
  Task<std::unique_ptr<Transaction>> begin_read() override { return inner_.begin_read(); }
  Session& replica() override { return inner_.replica(); }
  Dialect dialect() const override { return inner_.dialect(); }
  bool has_transactional_schema() const override { return inner_.has_transactional_schema(); }

 private:
  Task<Changed> execute_part(JointWork& work, std::string_view sql,
                             std::span<const Parameter> parameters);

  Database& inner_;
};

}  // namespace kit::db
