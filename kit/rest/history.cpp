// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/history.hpp"

#include <algorithm>
#include <utility>
#include <vector>

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

/// What of an entry's changes is left out.
struct Hidden {
  std::vector<std::string_view> names;

  Hidden(std::span<const Field> fields, const FieldMask& visible,
         std::span<const HistoryLinks> links) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!visible.has(i)) names.push_back(fields[i].name);
    }
    for (const HistoryLinks& each : links) {
      const bool is_seen =
          record::demand(*each.access, Use::read) && !record::is_limited(*each.access);
      if (!is_seen) names.push_back(each.relation);
    }
  }
};

/// What is stored is JSON that was written by `changes_between` or `link_change`.
void write_visible(json::Writer& out, const std::string& changes, const Hidden& hidden) {
  out.begin_object();
  json::Reader in(changes);
  in.begin_object();
  while (const std::optional<std::string_view> key = in.next_key()) {
    const std::string name(*key);
    const std::optional<std::string_view> value = in.raw_value();
    if (!value || std::ranges::find(hidden.names, name) != hidden.names.end()) continue;
    out.key(name);
    out.raw(*value);
  }
  out.end_object();
}

void write(json::Writer& out, const record::HistoryEntry& entry, const Hidden& hidden) {
  out.begin_object();
  out.member("id", entry.id);
  out.member("version", entry.version);
  out.member("at", entry.at);
  out.member("who", entry.who);
  out.member("request_id", entry.request_id);
  out.member("operation", entry.operation);
  out.member("changes");
  if (hidden.names.empty()) {
    out.raw(entry.changes);
  } else {
    write_visible(out, entry.changes, hidden);
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
                                std::span<const Field> fields, const FieldMask& visible,
                                std::span<const HistoryLinks> links) {
  const Hidden hidden(fields, visible, links);
  http::Response response = json_response(200, 256 * (page.items.size() + 1));
  json::Writer out(response.body);
  begin_list(out);
  for (const record::HistoryEntry& entry : page.items) write(out, entry, hidden);
  end_list(out, page.next_cursor, page.total);
  return response;
}

}  // namespace kit::rest
