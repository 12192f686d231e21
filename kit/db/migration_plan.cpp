// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migration_plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "kit/db/detail/history.hpp"
#include "kit/db/migration_effects.hpp"

namespace kit::db {
namespace {

using Kind = StatementEffect::Kind;

/// Rows a second on one ordinary core, of a table of some ten columns: whole rows written with
/// their indexes, and rows only read. `make four-edits` prints what a machine does.
constexpr double written_per_second = 150'000;
constexpr double read_per_second = 1'500'000;

/// What a statement has to do with the rows of its table; "" for nothing.
std::string_view work_of(const StatementEffect& effect, bool is_copied) {
  switch (effect.kind) {
    case Kind::drop_table:
      return is_copied ? "rebuild" : "drop";
    case Kind::drop_column:
      return "rewrite";
    case Kind::add_column:
    case Kind::query:
      return "check";
    case Kind::update:
      return "update";
    case Kind::erase:
      return "delete";
    case Kind::create_index:
      return "index";
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
  for (const StatementEffect& effect : effects_of(*script)) {
    if (effect.kind == Kind::create_table) made.insert(effect.table);
    if (effect.kind == Kind::insert || effect.kind == Kind::create_table)
      copied.insert(effect.sources.begin(), effect.sources.end());
    if (effect.kind == Kind::rename_table) {
      names.rename(effect);
      if (made.erase(effect.table) > 0) made.insert(effect.name);
      continue;
    }
    const std::string_view work = work_of(effect, copied.contains(effect.table));
    const std::string table = names.before(effect.table);
    if (!work.empty() && !table.empty() && !made.contains(effect.table))
      add_work(plan, table, work);
  }
  plan.locks = locks_of(plan);
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
  const TableColumns columns = co_await detail::table_columns(*snapshot, name(database.dialect()));
  std::vector<StepPlan> plans;
  std::map<std::string, std::int64_t> counts;
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
