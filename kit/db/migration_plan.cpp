// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migration_plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/detail/history.hpp"
#include "kit/db/detail/run_script.hpp"
#include "kit/db/migration_effects.hpp"
#include "kit/db/migration_locks.hpp"

namespace kit::db {
namespace {

using Kind = StatementEffect::Kind;

/// Rows a second on one ordinary core, of a table of some ten columns: whole rows written with
/// their indexes, and rows only read. `make four-edits` prints what a machine does.
constexpr double written_per_second = 150'000;
constexpr double read_per_second = 1'500'000;

/// What a statement has to do with the rows of its table; "" for nothing.
std::string_view work_of(const StatementEffect& effect, Dialect dialect, bool is_copied) {
  // What servers do to a table with its definition is told by its locks.
  const bool is_server = dialect != Dialect::sqlite;
  switch (effect.kind) {
    case Kind::drop_table:
      return is_copied ? "rebuild" : "drop";
    case Kind::drop_column:
      return is_server ? "" : "rewrite";
    case Kind::add_column:
      return is_server ? "" : "check";
    case Kind::query:
      return "check";
    case Kind::update:
      return "update";
    case Kind::erase:
      return "delete";
    case Kind::create_index:
      return is_server ? "" : "index";
    default:
      return "";
  }
}

bool is_written(std::string_view work) {
  return work != "check" && work != "index" && work != "drop";
}

/// A statement's table as it is called before the step.
class Names {
 public:
  std::string before(const std::string& table) const {
    const auto known = old_names_.find(table);
    return known == old_names_.end() ? table : known->second;
  }
  void rename(const StatementEffect& effect) {
    std::string old = before(effect.table);
    old_names_.erase(effect.table);
    old_names_[effect.name] = std::move(old);
  }

 private:
  std::map<std::string, std::string> old_names_;
};

void add_work(StepPlan& plan, const std::string& table, std::string_view work) {
  const bool known = std::ranges::any_of(plan.tables, [&](const TableWork& other) {
    return other.table == table && other.work == work;
  });
  if (!known) plan.tables.push_back({table, std::string(work), std::nullopt});
}

std::string first_words(const ScriptStatement& statement) {
  std::string text;
  for (const SqlToken& token : statement.tokens) {
    if (text.size() + token.text.size() > 60) return text + " ...";
    const bool is_joined = token.is('.') || token.is(',') || text.ends_with('.');
    text.append(text.empty() || is_joined ? "" : " ").append(token.text);
  }
  return text;
}

std::string_view stopped(TableLock::Stops stops) {
  switch (stops) {
    case TableLock::Stops::all:
      return "nobody else reads or writes it";
    case TableLock::Stops::writers:
      return "others read it, nobody writes";
    case TableLock::Stops::schema:
      return "others read and write it";
    case TableLock::Stops::nobody:
      return "others read it, and write other rows";
  }
  return "";
}

/// Of a step on a server: the strongest lock of each table, from the statement that takes it.
class ServerLocks {
 public:
  explicit ServerLocks(bool is_transaction) : is_transaction_(is_transaction) {}

  void add(const ScriptStatement& statement, const TableLock& lock) {
    Held* held = nullptr;
    for (Held& each : held_) {
      if (each.lock.table == lock.table) held = &each;
    }
    if (held == nullptr) held = &held_.emplace_back();
    if (!held->text.empty() && held->lock.stops >= lock.stops) return;
    held->lock = lock;
    held->text = lock.table + ": " + lock.lock + " from line " + std::to_string(statement.line) +
                 " (" + first_words(statement) + ")";
  }
  std::vector<std::string> sentences() const {
    std::vector<std::string> all;
    for (const Held& each : held_) {
      all.push_back(each.text + (is_transaction_ ? " to the commit: " : ", for this statement: ") +
                    std::string(stopped(each.lock.stops)));
    }
    return all;
  }

 private:
  struct Held {
    TableLock lock;
    std::string text;
  };
  bool is_transaction_;
  std::vector<Held> held_;
};

std::vector<std::string> locks_of(const StepPlan& plan) {
  std::vector<std::string> locks = {
      "the write lock of the whole database, from the first statement to the commit; reads go on "
      "and see the state before"};
  for (const TableWork& work : plan.tables) {
    if (work.work == "rebuild")
      locks.push_back(work.table + " is built anew beside the old one: needs its size twice");
  }
  return locks;
}

Dialect dialect_of(const Migration& step) {
  if (step.dialect == name(Dialect::postgresql)) return Dialect::postgresql;
  return step.dialect == name(Dialect::mysql) ? Dialect::mysql : Dialect::sqlite;
}

Result<StepPlan> read_step(const Migration& step, const TableColumns& columns) {
  StepPlan plan;
  plan.migration = step;
  auto script = split_script(step.up);
  auto down = split_script(step.down);
  for (const auto* each : {&script, &down}) {
    if (*each) continue;
    return Error(Code::invalid_argument,
                 (each == &script ? step.up_file : step.down_file) + ": " + each->error().message())
        .with_reason("MIGRATIONS_INVALID");
  }
  plan.statements = script->size();
  plan.has_down = !down->empty();
  plan.losses = losses(step.up, columns);
  plan.irreversible = annotations(step.up, "irreversible data");
  for (std::string& each : annotations(step.down, "irreversible data"))
    plan.irreversible.push_back(std::move(each));
  Names names;
  std::set<std::string> made;
  std::set<std::string> copied;
  const Dialect dialect = dialect_of(step);
  const bool is_transaction = dialect != Dialect::mysql && !detail::is_without_transaction(*script);
  ServerLocks locks(is_transaction);
  std::size_t at = 0;
  for (const StatementEffect& effect : effects_of(*script)) {
    const ScriptStatement& statement = (*script)[at++];
    for (const TableLock& lock : table_locks(statement, dialect)) {
      if (lock.table.empty() || made.contains(lock.table)) continue;
      locks.add(statement, lock);
      if (!lock.work.empty()) add_work(plan, names.before(lock.table), lock.work);
    }
    if (effect.kind == Kind::create_table) made.insert(effect.table);
    if (effect.kind == Kind::insert || effect.kind == Kind::create_table)
      copied.insert(effect.sources.begin(), effect.sources.end());
    if (effect.kind == Kind::rename_table) {
      names.rename(effect);
      if (made.erase(effect.table) > 0) made.insert(effect.name);
      continue;
    }
    const std::string_view work = work_of(effect, dialect, copied.contains(effect.table));
    const std::string table = names.before(effect.table);
    if (!work.empty() && !table.empty() && !made.contains(effect.table))
      add_work(plan, table, work);
  }
  plan.locks = dialect == Dialect::sqlite ? locks_of(plan) : locks.sentences();
  return plan;
}

/// From the rows that are known.
void estimate(StepPlan& plan) {
  double seconds = 0;
  for (const TableWork& work : plan.tables) {
    const std::int64_t rows = work.rows.value_or(0);
    plan.rows += rows;
    seconds +=
        static_cast<double>(rows) / (is_written(work.work) ? written_per_second : read_per_second);
  }
  plan.estimate = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

/// What the statistics of a server say: counting would read all of it.
Task<std::map<std::string, std::int64_t>> estimated_rows(Session& session, Dialect dialect) {
  std::map<std::string, std::int64_t> counts;
  auto read = [&counts](const Row& row) -> Result<> {
    counts[to_lower(row.text(0))] = row.int64(1);
    return {};
  };
  RowSink sink(read);
  if (dialect == Dialect::postgresql) {
    co_await session.query(
        "SELECT relname::text, CASE WHEN reltuples >= 0 THEN reltuples::bigint\n"
        "  ELSE pg_stat_get_live_tuples(oid) END FROM pg_class\n"
        "WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')",
        {}, sink);
  } else if (dialect == Dialect::mysql) {
    co_await session.query(
        "SELECT table_name, coalesce(table_rows, 0) FROM information_schema.tables\n"
        "WHERE table_schema = DATABASE()",
        {}, sink);
  }
  co_return std::move(counts);
}

/// `table` comes from the catalogue, so it names a table and nothing else.
Task<std::int64_t> count_rows(Session& session, std::string table) {
  std::string quoted;
  for (const char c : table) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  std::int64_t rows = 0;
  auto read = [&rows](const Row& row) -> Result<> {
    rows = row.int64(0);
    return {};
  };
  RowSink sink(read);
  const std::string sql = "SELECT count(*) FROM \"" + quoted + "\"";
  co_await session.query(sql, {}, sink);
  co_return rows;
}

}  // namespace

Task<std::vector<StepPlan>> plan_steps(Database& database, std::span<const Migration> steps) {
  auto snapshot = co_await database.begin_read();
  const TableColumns columns = co_await detail::table_columns(*snapshot, database.dialect());
  std::vector<StepPlan> plans;
  auto counts = co_await estimated_rows(*snapshot, database.dialect());
  for (const Migration& step : steps) {
    // What earlier steps do to the tables is not known here: `up` looks again.
    const TableColumns unknown;
    const TableColumns* before = plans.empty() ? &columns : &unknown;
    auto read = read_step(step, *before);
    if (!read) co_return std::move(read).error();
    StepPlan plan = std::move(read).value();
    for (TableWork& work : plan.tables) {
      if (!columns.contains(work.table)) continue;
      auto known = counts.find(work.table);
      if (known == counts.end()) {
        const std::int64_t rows = co_await count_rows(*snapshot, work.table);
        known = counts.emplace(work.table, rows).first;
      }
      work.rows = known->second;
    }
    estimate(plan);
    plans.push_back(std::move(plan));
  }
  co_return std::move(plans);
}

Result<std::vector<StepPlan>> plan_steps(std::span<const Migration> steps) {
  std::vector<StepPlan> plans;
  for (const Migration& step : steps) {
    auto plan = read_step(step, {});
    if (!plan) return std::move(plan).error();
    plans.push_back(std::move(*plan));
  }
  return plans;
}

}  // namespace kit::db
