// SPDX-License-Identifier: Apache-2.0
#include "kit/db/observed_database.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/insert_rows.hpp"
#include "kit/db/sql_tokens.hpp"
#include "kit/log/log.hpp"
#include "kit/telemetry/span.hpp"

namespace kit::db {
namespace {

log::Module db_log{"db"};

constexpr std::size_t longest_summary = 500;

/// FNV-1a of 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

std::string hexadecimal(std::uint64_t value) {
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) {
    digits.push_back("0123456789abcdef"[(value >> shift) & 0xF]);
  }
  return digits;
}

/// Few, whatever is executed: each is a histogram.
std::string_view class_of(std::string_view operation) {
  if (operation == "SELECT") return "select";
  if (operation == "INSERT") return "insert";
  if (operation == "UPDATE") return "update";
  if (operation == "DELETE") return "delete";
  return "other";
}

/// Whether a table is named behind this word.
bool leads_to_table(const SqlToken& token) {
  return token.is("FROM") || token.is("INTO") || token.is("UPDATE") || token.is("JOIN");
}

}  // namespace

Fingerprint fingerprint(std::string_view sql) {
  Fingerprint print;
  std::string whole;
  // What is no SQL the database refuses; it is told apart from nothing.
  auto tokens = sql_tokens(sql);
  bool table_is_next = false;
  for (const SqlToken& token : tokens.ok() ? *tokens : std::vector<SqlToken>()) {
    if (token.kind == SqlTokenKind::comment) continue;
    if (table_is_next && print.target.empty() && token.is_name()) print.target = sql_name(token);
    table_is_next = leads_to_table(token);
    const bool is_value =
        token.kind == SqlTokenKind::text || token.kind == SqlTokenKind::number || token.is('?');
    if (is_value && whole.ends_with('?')) continue;  // the number of a parameter
    if (!whole.empty()) whole.push_back(' ');
    whole.append(is_value ? "?" : token.text);
    if (print.operation.empty() && token.kind == SqlTokenKind::word) {
      for (const char c : token.text) {
        print.operation.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
      }
    }
  }
  print.id = hexadecimal(hash_of(whole));
  print.summary = valid_utf8(std::string_view(whole).substr(0, longest_summary));
  return print;
}

/// What becomes of the statements of all sessions of a database.
class ObservedDatabase::Observer {
 public:
  Observer(telemetry::Registry& registry, Options options, Dialect dialect)
      : options_(options),
        system_(name(dialect)),
        counts_(registry.counters("db_statements_total",
                                  "Statements by their fingerprint and how they ended.",
                                  {"operation", "fingerprint", "outcome"})),
        times_(registry.counters("db_statement_microseconds_total",
                                 "Time that statements took, by their fingerprint.",
                                 {"operation", "fingerprint"})),
        durations_(registry.histograms("db_statement_duration_seconds",
                                       "How long statements took, by what they do.",
                                       {"operation"})) {}

  Task<> query(Session& session, std::string_view sql, std::span<const Parameter> parameters,
               RowSink sink) {
    telemetry::Span span("SQL", telemetry::SpanKind::client);
    const auto begun = Clock::now();
    Result<> result = co_await as_result(session.query(sql, parameters, sink));
    note(sql, Clock::now() - begun, result.ok() ? nullptr : &result.error(), span);
    co_await std::move(result);
  }
  Task<Session::Changed> execute(Session& session, std::string_view sql,
                                 std::span<const Parameter> parameters) {
    telemetry::Span span("SQL", telemetry::SpanKind::client);
    const auto begun = Clock::now();
    Result<Session::Changed> result = co_await as_result(session.execute(sql, parameters));
    note(sql, Clock::now() - begun, result.ok() ? nullptr : &result.error(), span);
    co_return std::move(result);
  }
  Task<std::int64_t> insert_rows(Transaction& transaction, std::string_view table,
                                 std::span<const std::string_view> columns, RowSource next) {
    telemetry::Span span("SQL", telemetry::SpanKind::client);
    const auto begun = Clock::now();
    Task<std::int64_t> storing = transaction.insert_rows(table, columns, next);
    Result<std::int64_t> result = co_await as_result(std::move(storing));
    const std::string sql = insert_text(table, columns, 1);
    if (result) span.set(telemetry::attribute::db_batch_size, *result);
    note(sql, Clock::now() - begun, result.ok() ? nullptr : &result.error(), span);
    co_return std::move(result);
  }
  /// What belongs to a transaction and is no statement: it may wait for its turn or for the disk.
  Task<> commit(Transaction& transaction) {
    telemetry::Span span("COMMIT", telemetry::SpanKind::client);
    span.set(telemetry::attribute::db_system, system_);
    span.set(telemetry::attribute::db_operation, "COMMIT");
    Result<> result = co_await as_result(transaction.commit());
    if (!result) span.fail(result.error());
    span.end();
    co_await std::move(result);
  }
  Task<std::unique_ptr<Transaction>> begin(Task<std::unique_ptr<Transaction>> beginning) {
    telemetry::Span span("BEGIN", telemetry::SpanKind::client);
    span.set(telemetry::attribute::db_system, system_);
    span.set(telemetry::attribute::db_operation, "BEGIN");
    Result<std::unique_ptr<Transaction>> begun = co_await as_result(std::move(beginning));
    if (!begun) span.fail(begun.error());
    span.end();
    co_return std::move(begun);
  }

 private:
  struct Known {
    std::string sql;
    Fingerprint print;
    std::string title;  // "SELECT tracks"
    telemetry::Counter* good = nullptr;
    telemetry::Counter* time = nullptr;
    telemetry::Histogram* duration = nullptr;
  };

  /// A statement that this thread ran lately. Of several observers: ids are never given twice.
  struct Slot {
    std::uint64_t observer = 0;
    std::shared_ptr<const Known> statement;
  };

  /// Without the lock that threads would wait at for every statement. By its place, which literals
  /// keep; a text that happens to stand where another one did is told by what it says.
  const Known& known(std::string_view sql) {
    thread_local std::array<Slot, 64> slots;
    const auto place = reinterpret_cast<std::uintptr_t>(sql.data());
    Slot& slot = slots[(place >> 4U) % slots.size()];
    if (slot.observer != id_ || slot.statement->sql != sql) {
      slot.statement = find(sql);
      slot.observer = id_;
    }
    return *slot.statement;
  }

  std::shared_ptr<const Known> find(std::string_view sql) {
    const std::lock_guard lock(mutex_);
    if (auto found = statements_.find(sql); found != statements_.end()) return found->second;
    auto made = std::make_shared<Known>();
    made->sql = sql;
    made->print = fingerprint(sql);
    const std::string operation = made->print.operation;
    made->title = operation;
    if (!made->print.target.empty()) made->title.append(" ").append(made->print.target);
    if (statements_.size() >= options_.statements) {
      made->print.id = "other";
      made->print.operation = "other";
    }
    const Fingerprint& print = made->print;
    made->good = &counts_.with({print.operation, print.id, "ok"});
    made->time = &times_.with({print.operation, print.id});
    made->duration = &durations_.with({class_of(operation)});
    if (print.id != "other") statements_.emplace(std::string(sql), made);
    return made;
  }

  /// What the conventions of databases ask for, without any value.
  void describe(telemetry::Span& span, const Known& statement, const Error* error) const {
    if (!span.is_recording()) return;
    const std::string_view operation =
        std::string_view(statement.title).substr(0, statement.title.find(' '));
    span.rename(statement.title);
    span.set(telemetry::attribute::db_system, system_);
    span.set(telemetry::attribute::db_operation, operation);
    if (!statement.print.target.empty()) {
      span.set(telemetry::attribute::db_collection, statement.print.target);
    }
    span.set(telemetry::attribute::db_query_summary, statement.title);
    span.set(telemetry::attribute::db_query_text, statement.print.summary);
    if (error != nullptr) span.fail(*error);
    span.end();
  }

  void note(std::string_view sql, Clock::duration took, const Error* error, telemetry::Span& span) {
    const Known& statement = known(sql);
    describe(span, statement, error);
    const Fingerprint& print = statement.print;
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    statement.time->add(static_cast<std::uint64_t>(microseconds));
    statement.duration->record(took);
    if (error == nullptr) {
      statement.good->add();
    } else {
      const std::string_view outcome = name(error->code());
      counts_.with({print.operation, print.id, outcome}).add();
    }
    if (options_.slow_statement.count() == 0 || took < options_.slow_statement) return;
    log::warn(db_log, "slow statement",
              {{"duration", took},
               {"fingerprint", print.id},
               {"statement", print.summary},
               {"outcome", error == nullptr ? std::string_view("ok") : name(error->code())}});
  }

  static inline std::atomic<std::uint64_t> next_id_{1};
  const std::uint64_t id_ = next_id_.fetch_add(1, std::memory_order_relaxed);
  const Options options_;
  const std::string_view system_;
  telemetry::CounterFamily& counts_;
  telemetry::CounterFamily& times_;
  telemetry::HistogramFamily& durations_;
  std::mutex mutex_;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::unordered_map<std::string, std::shared_ptr<const Known>, Hash, std::equal_to<>> statements_;
};

class ObservedDatabase::ObservedSession final : public Session {
 public:
  ObservedSession(Observer& observer, Session& session) : observer_(observer), session_(session) {}
  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override {
    return observer_.query(session_, sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override {
    return observer_.execute(session_, sql, parameters);
  }
  Dialect dialect() const override { return session_.dialect(); }

 private:
  Observer& observer_;
  Session& session_;
};

class ObservedDatabase::ObservedTransaction final : public Transaction {
 public:
  ObservedTransaction(Observer& observer, std::unique_ptr<Transaction> inner)
      : observer_(observer), inner_(std::move(inner)) {}
  static Task<std::unique_ptr<Transaction>> wrap(Observer& observer,
                                                 Task<std::unique_ptr<Transaction>> begin) {
    if (telemetry::is_recorded()) begin = observer.begin(std::move(begin));
    std::unique_ptr<Transaction> inner = co_await std::move(begin);
    std::unique_ptr<Transaction> wrapped =
        std::make_unique<ObservedTransaction>(observer, std::move(inner));
    co_return wrapped;
  }

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override {
    return observer_.query(*inner_, sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const Parameter> parameters) override {
    return observer_.execute(*inner_, sql, parameters);
  }
  Task<std::unique_ptr<Transaction>> begin_nested() override {
    return wrap(observer_, inner_->begin_nested());
  }
  Task<std::int64_t> insert_rows(std::string_view table, std::span<const std::string_view> columns,
                                 RowSource next) override {
    return observer_.insert_rows(*inner_, table, columns, next);
  }
  Task<> check() override { return inner_->check(); }
  Task<> commit() override {
    return telemetry::is_recorded() ? observer_.commit(*inner_) : inner_->commit();
  }
  Dialect dialect() const override { return inner_->dialect(); }

 private:
  Observer& observer_;
  std::unique_ptr<Transaction> inner_;
};

ObservedDatabase::ObservedDatabase(Database& inner, telemetry::Registry& registry, Options options)
    : inner_(inner),
      observer_(std::make_unique<Observer>(registry, options, inner.dialect())),
      replica_(std::make_unique<ObservedSession>(*observer_, inner.replica())) {}

ObservedDatabase::~ObservedDatabase() = default;

Task<> ObservedDatabase::query(std::string_view sql, std::span<const Parameter> parameters,
                               RowSink sink) {
  return observer_->query(inner_, sql, parameters, sink);
}
Task<Session::Changed> ObservedDatabase::execute(std::string_view sql,
                                                 std::span<const Parameter> parameters) {
  return observer_->execute(inner_, sql, parameters);
}
Task<std::unique_ptr<Transaction>> ObservedDatabase::begin() {
  return ObservedTransaction::wrap(*observer_, inner_.begin());
}
Task<std::unique_ptr<Transaction>> ObservedDatabase::begin_isolated(Isolation isolation) {
  return ObservedTransaction::wrap(*observer_, inner_.begin_isolated(isolation));
}
Task<std::unique_ptr<Transaction>> ObservedDatabase::begin_bulk() {
  return ObservedTransaction::wrap(*observer_, inner_.begin_bulk());
}
Task<std::unique_ptr<Transaction>> ObservedDatabase::begin_schema() {
  return ObservedTransaction::wrap(*observer_, inner_.begin_schema());
}
Task<std::unique_ptr<Transaction>> ObservedDatabase::begin_autocommit() {
  return ObservedTransaction::wrap(*observer_, inner_.begin_autocommit());
}
Task<std::unique_ptr<Transaction>> ObservedDatabase::begin_read() {
  return ObservedTransaction::wrap(*observer_, inner_.begin_read());
}
Session& ObservedDatabase::replica() {
  return *replica_;
}

}  // namespace kit::db
