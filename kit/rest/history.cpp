// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/history.hpp"

#include <utility>

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

void write(json::Writer& out, const record::HistoryEntry& entry) {
  out.begin_object();
  out.member("id", entry.id);
  out.member("version", entry.version);
  out.member("at", entry.at);
  out.member("who", entry.who);
  out.member("request_id", entry.request_id);
  out.member("operation", entry.operation);
  out.member("changes");
  out.raw(entry.changes);
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

http::Response history_response(const record::Page<record::HistoryEntry>& page) {
  http::Response response = json_response(200, 256 * (page.items.size() + 1));
  json::Writer out(response.body);
  begin_list(out);
  for (const record::HistoryEntry& entry : page.items) write(out, entry);
  end_list(out, page.next_cursor, page.total);
  return response;
}

}  // namespace kit::rest
