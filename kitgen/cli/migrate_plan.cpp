// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/migrate_plan.hpp"

#include "kit/json/writer.hpp"

namespace kitgen::cli {
namespace {

using kit::db::StepPlan;
using kit::db::TableWork;

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, " ");
  return digits;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

std::string row_text(const TableWork& work) {
  return work.table + ": " + work.work + ", " +
         (work.rows ? grouped(*work.rows) + (*work.rows == 1 ? " row" : " rows")
                    : std::string("rows not known before the steps above"));
}

std::string duration_text(std::chrono::milliseconds time) {
  if (time.count() < 1000) return "less than a second";
  return "some " + std::to_string((time.count() + 999) / 1000) + " s";
}

std::string reversible_text(const StepPlan& step) {
  if (!step.has_down) return "no: it has no down script";
  if (step.irreversible.empty()) return "yes";
  return "the schema; of the data not: " + joined(step.irreversible);
}

void comment(std::string& text, const std::string& name, const std::string& value) {
  text += "--   " + name + ": " + value + "\n";
}

}  // namespace

std::string plan_as_text(std::span<const StepPlan> steps) {
  if (steps.empty()) return "-- Nothing to do: the database is up to date.\n";
  std::string text;
  for (const StepPlan& step : steps) {
    text += "-- " + step.migration.up_file + "\n";
    for (const TableWork& work : step.tables) comment(text, "rows", row_text(work));
    for (const std::string& lock : step.locks) comment(text, "lock", lock);
    comment(text, "cost",
            std::to_string(step.statements) +
                (step.statements == 1 ? " statement, " : " statements, ") + grouped(step.rows) +
                " rows, " + duration_text(step.estimate));
    comment(text, "reversible", reversible_text(step));
    comment(text, "destructive",
            step.losses.empty() ? "no" : "yes, needs --allow-destructive: " + joined(step.losses));
    text += step.migration.up + "\n";
  }
  return text;
}

std::string plan_as_json(std::span<const StepPlan> steps) {
  std::string text;
  kit::json::Writer json(text);
  const auto texts = [&json](const std::vector<std::string>& values) {
    json.begin_array();
    for (const std::string& value : values) json.value(value);
    json.end_array();
  };
  json.begin_object();
  json.member("steps");
  json.begin_array();
  for (const StepPlan& step : steps) {
    json.begin_object();
    json.member("number", static_cast<std::int64_t>(step.migration.number));
    json.member("name", step.migration.name);
    json.member("file", step.migration.up_file);
    json.member("sql", step.migration.up);
    json.member("statements", static_cast<std::int64_t>(step.statements));
    json.member("tables");
    json.begin_array();
    for (const TableWork& work : step.tables) {
      json.begin_object();
      json.member("table", work.table);
      json.member("work", work.work);
      json.member("rows", work.rows);
      json.end_object();
    }
    json.end_array();
    json.member("locks");
    texts(step.locks);
    json.member("rows", step.rows);
    json.member("estimated_ms", static_cast<std::int64_t>(step.estimate.count()));
    json.member("reversible", step.has_down);
    json.member("irreversible_data");
    texts(step.irreversible);
    json.member("destructive", !step.losses.empty());
    json.member("losses");
    texts(step.losses);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text + "\n";
}

}  // namespace kitgen::cli
