// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/history.hpp"

#include <algorithm>
#include <utility>

#include "kit/json/reader.hpp"
#include "kit/json/writer.hpp"
#include "kit/rest/request.hpp"

namespace kit::rest {
namespace {

namespace columns = record::history_columns;

constexpr ListField list_fields[] = {
    {&columns::at, &timestamp_value},
    {&columns::who, &text_value},
    {&columns::operation, &text_value},
};
constexpr ListOptions list_options = {.fields = list_fields, .newest_first = true};

/// What is stored is JSON that was written by `changes_between`.
void write_visible(json::Writer& out, const std::string& changes, std::span<const Field> fields,
                   const FieldMask& visible) {
  out.begin_object();
  json::Reader in(changes);
  in.begin_object();
  while (const std::optional<std::string_view> key = in.next_key()) {
    const std::string name(*key);
    const auto field = std::ranges::find(fields, name, &Field::name);
    const bool hidden =
        field != fields.end() && !visible.has(static_cast<std::size_t>(field - fields.begin()));
    const std::optional<std::string_view> value = in.raw_value();
    if (hidden || !value) continue;
    out.key(name);
    out.raw(*value);
  }
  out.end_object();
}

void write(json::Writer& out, const record::HistoryEntry& entry, std::span<const Field> fields,
           const FieldMask& visible) {
  out.begin_object();
  out.member("id", entry.id);
  out.member("version", entry.version);
  out.member("at", entry.at);
  out.member("who", entry.who);
  out.member("request_id", entry.request_id);
  out.member("operation", entry.operation);
  out.member("changes");
  if (visible.is_all()) {
    out.raw(entry.changes);
  } else {
    write_visible(out, entry.changes, fields, visible);
  }
  out.end_object();
}

}  // namespace

Result<db::ListQuery> read_history(std::string_view query, std::string_view entity,
                                   std::string row) {
  std::vector<db::Filter> scope;
  scope.push_back({&columns::entity, db::Operator::eq, {db::Value(std::string(entity))}});
  scope.push_back({&columns::row, db::Operator::eq, {db::Value(std::move(row))}});
  Result<ListRequest> request =
      read_list_in(query, record::history_table, list_options, std::move(scope));
  if (!request) return std::move(request).error();
  return std::move(request->query);
}

http::Response history_response(const record::Page<record::HistoryEntry>& page,
                                std::span<const Field> fields, const FieldMask& visible) {
  http::Response response = json_response(200, 256 * (page.items.size() + 1));
  json::Writer out(response.body);
  begin_list(out);
  for (const record::HistoryEntry& entry : page.items) write(out, entry, fields, visible);
  end_list(out, page.next_cursor, page.total);
  return response;
}

}  // namespace kit::rest
