// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kit/base/time.hpp"
#include "kit/db/database.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::db {

/// A statement without what tells its calls apart: keywords and names as written, one blank between
/// tokens, `?` for texts, numbers and parameters. It holds no value, not even of the program's own.
struct Fingerprint {
  std::string operation;  ///< The first word, upper case: "SELECT".
  std::string target;     ///< The first table that it names; empty: none was found.
  std::string summary;    ///< At most 500 bytes of it.
  std::string id;         ///< 16 hexadecimal digits of the whole.
};
Fingerprint fingerprint(std::string_view sql);

struct ObservedDatabaseOptions {
  /// A statement that takes longer gets a line in the log, with its fingerprint; 0: none does.
  std::chrono::milliseconds slow_statement{500};
  std::size_t statements = 1'000;  ///< Different ones that are told apart; later ones are "other".
};

/// A database that counts each statement by its fingerprint, how often, how long and how it ended,
/// and logs slow ones: db_statements_total, db_statement_microseconds_total. How long they take by
/// what they do (select, insert, update, delete, other) is db_statement_duration_seconds. Where the
/// work is sampled each statement, and each begin and commit of a transaction, is a span. Thread
/// safety: as `inner`. Lifetime: `inner` and `registry` outlive it. Cost: a lock, a look-up and a
/// frame for each statement.
class ObservedDatabase final : public Database {
 public:
  using Options = ObservedDatabaseOptions;
  ObservedDatabase(Database& inner, telemetry::Registry& registry, Options options = {});
  ~ObservedDatabase() override;

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override;
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override;
  Task<std::unique_ptr<Transaction>> begin() override;
  Task<std::unique_ptr<Transaction>> begin_isolated(Isolation isolation) override;
  Task<std::unique_ptr<Transaction>> begin_bulk() override;
  Task<std::unique_ptr<Transaction>> begin_schema() override;
  Task<std::unique_ptr<Transaction>> begin_autocommit() override;
  Task<std::unique_ptr<Transaction>> begin_read() override;
  Session& replica() override;
  Dialect dialect() const override { return inner_.dialect(); }
  bool has_transactional_schema() const override { return inner_.has_transactional_schema(); }

 private:
  class Observer;
  class ObservedSession;
  class ObservedTransaction;

  Database& inner_;
  const std::unique_ptr<Observer> observer_;
  const std::unique_ptr<ObservedSession> replica_;
};

}  // namespace kit::db
