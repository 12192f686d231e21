// SPDX-License-Identifier: Apache-2.0
#include "kit/record/history.hpp"

#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "kit/base/base64.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/context.hpp"
#include "kit/base/decimal.hpp"
#include "kit/record/list.hpp"
#include "kit/record/parameters.hpp"
#include "kit/record/row_reader.hpp"

namespace kit::record {
namespace {

bool is_equal(const db::Parameter& a, const db::Parameter& b) {
  if (a.index() != b.index()) return false;
  if (const auto* blob = std::get_if<db::Blob>(&a))
    return blob->bytes == std::get<db::Blob>(b).bytes;
  if (const auto* text = std::get_if<std::string_view>(&a)) {
    return *text == std::get<std::string_view>(b);
  }
  if (const auto* number = std::get_if<std::int64_t>(&a))
    return *number == std::get<std::int64_t>(b);
  if (const auto* real = std::get_if<double>(&a)) return *real == std::get<double>(b);
  if (const auto* decimal = std::get_if<db::Scaled>(&a)) {
    return decimal->units == std::get<db::Scaled>(b).units;  // of one column, so of one scale
  }
  return true;
}

std::chrono::microseconds micros(const db::Parameter& value) {
  return std::chrono::microseconds(std::get<std::int64_t>(value));
}

void write_number(json::Writer& out, const HistoryColumn& column, const db::Parameter& value) {
  const std::int64_t number = std::get<std::int64_t>(value);
  switch (column.type) {
    case HistoryType::boolean:
      return out.boolean(number != 0);
    case HistoryType::date:
      return out.value(Date{std::chrono::sys_days(std::chrono::days(number))});
    case HistoryType::time:
      return out.value(TimeOfDay{micros(value)});
    case HistoryType::timestamp:
      return out.value(Timestamp{micros(value)});
    case HistoryType::duration:
      return out.value(micros(value));
    default:
      return out.int64(number);
  }
}

/// As answers write it.
void write_value(json::Writer& out, const HistoryColumn& column, const db::Parameter& value) {
  if (std::holds_alternative<std::int64_t>(value)) {
    write_number(out, column, value);
  } else if (const auto* decimal = std::get_if<db::Scaled>(&value)) {
    out.decimal(Decimal(decimal->units, decimal->scale));
  } else if (const auto* real = std::get_if<double>(&value)) {
    out.float64(*real);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    column.type == HistoryType::json ? out.raw(*text) : out.string(*text);
  } else if (const auto* blob = std::get_if<db::Blob>(&value)) {
    out.string(base64_encode(blob->bytes));
  } else {
    out.null();
  }
}

void write_change(json::Writer& out, const HistoryColumn& column, const db::Parameter& before,
                  const db::Parameter& after) {
  out.key(column.name);
  if (column.type == HistoryType::secret) return out.string("changed");
  out.begin_array();
  write_value(out, column, before);
  write_value(out, column, after);
  out.end_array();
}

/// Who and for which request, of the task that runs now.
void add_origin(ParameterWriter& parameters) {
  const Caller* caller = current_caller;
  if (caller == nullptr || caller->subject.empty()) {
    parameters.add(nullptr);
  } else {
    parameters.add(caller->subject);
  }
  if (current_log_context == nullptr || current_log_context->request_id.empty()) {
    parameters.add(nullptr);
  } else {
    parameters.add(current_log_context->request_id);
  }
}

constexpr std::string_view add_sql = R"sql(
  INSERT INTO kit_history (entity, row_id, version, at, operation, changes, who, request_id)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))sql";

constexpr std::string_view entry_columns[] = {"entity",    "row_id",  "version", "at",
                                              "operation", "changes", "who",     "request_id"};

constexpr std::string_view forget_sql = R"sql(
  DELETE FROM kit_history WHERE entity = ?1 AND row_id = ?2)sql";

}  // namespace

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::create:
      return "create";
    case Operation::update:
      return "update";
    case Operation::remove:
      return "delete";
    case Operation::restore:
      return "restore";
    case Operation::purge:
      return "purge";
    case Operation::link:
      return "link";
    case Operation::unlink:
      break;
  }
  return "unlink";
}

std::string changes_between(const Audited& entity, std::span<const db::Parameter> before,
                            std::span<const db::Parameter> after) {
  KIT_ASSERT(after.size() == entity.columns.size(), "parameters of another statement");
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (std::size_t i = 0; i < entity.columns.size(); ++i) {
    const HistoryColumn& column = entity.columns[i];
    if (column.type == HistoryType::none) continue;
    const db::Parameter was = before.empty() ? db::Parameter(nullptr) : before[i];
    if (!is_equal(was, after[i])) write_change(out, column, was, after[i]);
  }
  out.end_object();
  return text;
}

std::string deletion_change(const std::optional<Timestamp>& before,
                            const std::optional<Timestamp>& after) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.member("deleted_at");
  out.begin_array();
  out.value(before);
  out.value(after);
  out.end_array();
  out.end_object();
  return text;
}

Task<> add_history(db::Session& session, const Audited& entity, const Change& change) {
  Parameters<8> parameters;
  parameters.add(entity.name);
  parameters.add(change.row);
  parameters.add(change.version);
  parameters.add(change.at);
  parameters.add(to_string(change.operation));
  parameters.add(change.changes);
  add_origin(parameters);
  co_await session.execute(add_sql, parameters.span());
}

Task<> add_history_of_new(db::Transaction& unit, const Audited& entity,
                          std::optional<std::int64_t> version, NewRows rows) {
  NewRow row;
  auto hand_out = [&](std::vector<db::Parameter>& out) -> Result<bool> {
    Result<bool> more = rows(row);
    if (!more || !*more) return more;
    Parameters<std::size(entry_columns)> parameters;
    parameters.add(entity.name);
    parameters.add(row.row);
    parameters.add(version);
    parameters.add(row.at);
    parameters.add(to_string(Operation::create));
    parameters.add(row.changes);
    add_origin(parameters);
    out.assign(parameters.span().begin(), parameters.span().end());
    return true;
  };
  Task<std::int64_t> storing = unit.insert_rows("kit_history", entry_columns, hand_out);
  co_await std::move(storing);
}

Task<> add_history_of_others(db::Session& session, std::string_view sql, const db::Parameter& row,
                             Timestamp at) {
  Parameters<4> parameters;
  parameters.add_any(row);
  parameters.add(at);
  add_origin(parameters);
  co_await session.execute(sql, parameters.span());
}

Task<> forget_history(db::Session& session, const Audited& entity, std::string_view row) {
  Parameters<2> parameters;
  parameters.add(entity.name);
  parameters.add(row);
  co_await session.execute(forget_sql, parameters.span());
}

namespace history_columns {
using db::ColumnType;
constinit const db::Column id = {.name = "id", .sql = "id", .type = ColumnType::integer};
constinit const db::Column entity = {.name = "entity", .sql = "entity"};
constinit const db::Column row = {.name = "row_id", .sql = "row_id"};
constinit const db::Column at = {
    .name = "at", .sql = "at", .type = ColumnType::integer, .filterable = true};
constinit const db::Column who = {
    .name = "who", .sql = "who", .nullable = true, .filterable = true};
constinit const db::Column operation = {
    .name = "operation", .sql = "operation", .filterable = true};
}  // namespace history_columns

constinit const db::ListTable history_table = {
    .from = "kit_history",
    .select = "id, version, at, who, request_id, operation, changes",
    .columns = 7,
    .id = &history_columns::id,
};

Task<Page<HistoryEntry>> list_history(db::Session& session, const db::ListQuery& query) {
  Page<HistoryEntry> page;
  auto sink = [&](const db::Row& row) -> Result<> {
    HistoryEntry& entry = page.items.emplace_back();
    RowReader in(row);
    in.read(entry.id);
    in.read(entry.version);
    in.read(entry.at);
    in.read(entry.who);
    in.read(entry.request_id);
    in.read(entry.operation);
    in.read(entry.changes);
    return in.status();
  };
  ListEnd end = co_await list(session, history_table, query, sink);
  page.next_cursor = std::move(end.next_cursor);
  page.total = end.total;
  co_return page;
}

}  // namespace kit::record
