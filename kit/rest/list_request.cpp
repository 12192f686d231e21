// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/list_request.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/rest/detail/expand_reader.hpp"
#include "kit/rest/detail/query_reader.hpp"
#include "kit/rest/detail/shown_name.hpp"

namespace kit::rest {
namespace {

using Operators = ValueType::Operators;
using detail::invalid_parameters;
using detail::joined;
using detail::QueryReader;
using detail::shown_name;

constexpr std::size_t max_search_length = 200;
/// The database reads every row before a page's first one: what a page number may cost.
constexpr std::int64_t max_offset = 100'000;

bool allows(const ListField& field, db::Operator op) {
  const Operators known = field.type->operators;
  switch (op) {
    case db::Operator::eq:
      return known != Operators::elements;
    case db::Operator::ne:
    case db::Operator::in:
      return known != Operators::flag && known != Operators::elements;
    case db::Operator::gt:
    case db::Operator::gte:
    case db::Operator::lt:
    case db::Operator::lte:
      return known == Operators::ordered;
    case db::Operator::contains:
    case db::Operator::like:
      return known == Operators::text;
    case db::Operator::is_null:
      return field.column->nullable;
    case db::Operator::has:
      return known == Operators::elements;
  }
  return false;
}

std::string operators_of(const ListField& field) {
  constexpr db::Operator all[] = {db::Operator::eq,      db::Operator::ne,       db::Operator::gt,
                                  db::Operator::gte,     db::Operator::lt,       db::Operator::lte,
                                  db::Operator::in,      db::Operator::contains, db::Operator::like,
                                  db::Operator::is_null, db::Operator::has};
  std::string names;
  for (const db::Operator op : all) {
    if (!allows(field, op)) continue;
    if (!names.empty()) names += ", ";
    names += db::name(op);
  }
  return names;
}

void read_deleted(QueryReader& in, const std::string& value, db::ListQuery& query) {
  if (value == "only") {
    query.deleted = db::Deleted::only;
  } else if (value == "include") {
    query.deleted = db::Deleted::include;
  } else {
    in.add("deleted", "must be 'only' or 'include'; without it deleted ones are left out");
  }
}

class ListReader {
 public:
  ListReader(QueryReader& in, const db::ListTable& table, const ListOptions& options,
             ListRequest& request)
      : in_(in), table_(table), options_(options), request_(request) {
    for (const db::Column* column : options.search) {
      if (!options.hides(column->name)) search_.push_back(column);
    }
  }

  void read_all(std::string& cursor) {
    std::optional<std::int64_t> page;
    const std::string* fields = nullptr;
    for (const auto& [name, value] : in_.parameters()) {
      if (name == "limit") {
        read_limit(value);
      } else if (name == "sort") {
        read_sort(value);
      } else if (name == "cursor") {
        cursor = value;
        if (value.empty()) in_.add(name, "is empty: leave it out for the first page");
      } else if (name == "page") {
        page = read_page(value);
      } else if (name == "total") {
        request_.query.include_total = value == "true";
        if (value != "true" && value != "false") in_.add(name, "must be true or false");
      } else if (name == "search" && !search_.empty()) {
        read_search(value);
      } else if (name == "expand" && options_.expandable != nullptr) {
        detail::read_expand(in_, value, *options_.expandable, request_.expand);
      } else if (name == "fields" && options_.answer != nullptr) {
        fields = &value;
      } else if (name == "deleted" && !table_.live.empty()) {
        read_deleted(in_, value, request_.query);
      } else {
        read_filter(name, value);
      }
    }
    // These may be fields of what is expanded, wherever that was said.
    if (fields != nullptr) {
      detail::read_fields(in_, *fields, options_, request_.shown, request_.expand);
    }
    if (page) go_to(*page, !cursor.empty());
    for (const auto& [name, value] : in_.parameters()) explain_filter(name, value);
  }

 private:
  /// Who filters by a field that is called like a parameter of lists learns how to.
  void explain_filter(const std::string& name, const std::string& value) {
    const ListField* field = find(name);
    if (field == nullptr || !field->column->filterable) return;
    const std::vector<std::string_view> own = own_parameters();
    if (std::ranges::find(own, name) == own.end()) return;
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:";
    const bool is_array = field->type->operators == Operators::elements;
    const bool is_plain = value.size() <= 40 && value.find_first_not_of(plain) == value.npos;
    in_.extend(name, "; to filter by the field write " + name + (is_array ? ".has=" : ".eq=") +
                         (is_plain ? value : "..."));
  }

  std::optional<std::int64_t> read_page(const std::string& value) {
    const std::optional<long long> page = parse_int(value);
    if (page && *page >= 1) return *page;
    in_.add("page", "must be a whole number from 1");
    return std::nullopt;
  }

  /// After all parameters were read: how long a page is may stand behind its number.
  void go_to(std::int64_t page, bool has_cursor) {
    const std::int64_t limit = request_.query.limit;
    if (has_cursor) {
      in_.add("page", "does not go with cursor, which is a place of its own");
    } else if (page - 1 > max_offset / limit) {
      in_.add("page", "must be at most " + std::to_string(max_offset / limit + 1) +
                          " with limit=" + std::to_string(limit) + "; go on with next_cursor");
    } else {
      request_.query.offset = (page - 1) * limit;
    }
  }

  void read_limit(const std::string& value) {
    const std::optional<long long> limit = parse_int(value);
    if (limit && *limit >= 1 && *limit <= options_.max_limit) {
      request_.query.limit = *limit;
    } else {
      in_.add("limit", "must be a whole number from 1 to " + std::to_string(options_.max_limit));
    }
  }

  void read_sort(const std::string& value) {
    std::vector<std::string_view> known;
    for (const ListField& field : options_.fields) {
      if (field.column->sortable && !options_.hides(field.column->name))
        known.push_back(field.column->name);
    }
    for (std::string_view name : split(value, ',')) {
      const bool descending = name.starts_with('-');
      if (descending) name.remove_prefix(1);
      const ListField* field = find(name);
      if (field == nullptr || !field->column->sortable) {
        const std::string shown = shown_name(name);
        in_.add("sort", known.empty()
                            ? "this list has one order only; leave the parameter out"
                            : "'" + shown + "' can't be sorted by" + did_you_mean(shown, known) +
                                  "; known are: " + joined(known));
      } else if (std::ranges::find(request_.query.sort, field->column, &db::Sort::column) !=
                 request_.query.sort.end()) {
        in_.add("sort", "'" + std::string(name) + "' is given twice");
      } else {
        request_.query.sort.push_back({field->column, descending});
      }
    }
    if (request_.query.sort.size() > db::ListQuery::max_sorts) {
      in_.add("sort", "must have at most " + std::to_string(db::ListQuery::max_sorts) + " keys");
    }
  }

  void read_search(const std::string& value) {
    request_.query.search = value;
    request_.query.search_columns = search_;
    if (utf8_length(value) > max_search_length) {
      in_.add("search", "must have at most " + std::to_string(max_search_length) + " characters");
    } else if (count_words(value) > db::ListQuery::max_search_words) {
      in_.add("search",
              "must have at most " + std::to_string(db::ListQuery::max_search_words) + " words");
    }
  }

  static std::size_t count_words(std::string_view text) {
    std::size_t words = 0;
    for (const std::string_view word : split(text, ' ')) words += word.empty() ? 0 : 1;
    return words;
  }

  void read_filter(const std::string& parameter, const std::string& value) {
    const std::size_t point = std::min(parameter.find('.'), parameter.size());
    const ListField* field = find(std::string_view(parameter).substr(0, point));
    if (field == nullptr || !field->column->filterable) {
      in_.add_unknown(parameter, known_parameters());
      return;
    }
    const std::string_view op_name = point == parameter.size()
                                         ? std::string_view("eq")
                                         : std::string_view(parameter).substr(point + 1);
    const std::optional<db::Operator> op = db::parse_operator(op_name);
    if (!op || !allows(*field, *op)) {
      const bool is_bare = op_name == "eq" && point == parameter.size();
      in_.add(parameter, (is_bare ? "needs an operator; '" : "has an unknown operator; '") +
                             std::string(field->column->name) + "' knows: " + operators_of(*field));
      return;
    }
    if (request_.query.filters.size() >= db::ListQuery::max_filters) {
      in_.add(parameter,
              "is one filter too many: at most " + std::to_string(db::ListQuery::max_filters));
      return;
    }
    db::Filter filter{field->column, *op, {}};
    if (read_values(parameter, value, *field, filter))
      request_.query.filters.push_back(std::move(filter));
  }

  bool read_values(const std::string& parameter, const std::string& text, const ListField& field,
                   db::Filter& filter) {
    if (filter.op == db::Operator::is_null) {
      if (text != "true" && text != "false")
        return in_.add(parameter, "must be true or false"), false;
      filter.values.emplace_back(std::int64_t{text == "true"});
      return true;
    }
    std::vector<std::string_view> parts{text};
    if (filter.op == db::Operator::in) parts = split(text, ',');
    if (parts.size() > db::ListQuery::max_in_values) {
      in_.add(parameter,
              "must have at most " + std::to_string(db::ListQuery::max_in_values) + " values");
      return false;
    }
    for (const std::string_view part : parts) {
      std::optional<db::Value> value = field.type->parse(part, field.scale);
      if (!value) {
        in_.add(parameter, (filter.op == db::Operator::in ? "each value must be " : "must be ") +
                               field.type->expected());
        return false;
      }
      filter.values.push_back(std::move(*value));
    }
    return true;
  }

  const ListField* find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        options_.fields, [&](const ListField& field) { return field.column->name == name; });
    return found == options_.fields.end() || options_.hides(name) ? nullptr : &*found;
  }

  std::vector<std::string_view> known_parameters() const {
    std::vector<std::string_view> known;
    for (const ListField& field : options_.fields) {
      if (field.column->filterable && !options_.hides(field.column->name))
        known.push_back(field.column->name);
    }
    const std::vector<std::string_view> own = own_parameters();
    known.insert(known.end(), own.begin(), own.end());
    return known;
  }

  /// The parameters of lists; a field of such a name is filtered by with an operator.
  std::vector<std::string_view> own_parameters() const {
    std::vector<std::string_view> own{"sort", "limit", "cursor", "page", "total"};
    if (!search_.empty()) own.push_back("search");
    if (options_.expandable != nullptr) own.push_back("expand");
    if (options_.answer != nullptr) own.push_back("fields");
    if (!table_.live.empty()) own.push_back("deleted");
    return own;
  }

  QueryReader& in_;
  const db::ListTable& table_;
  const ListOptions& options_;
  std::vector<const db::Column*> search_;
  ListRequest& request_;
};

}  // namespace

bool ListOptions::hides(std::string_view field) const {
  if (visible.is_all()) return false;
  const auto found = std::ranges::find(*answer, field, &Field::name);
  return found != answer->end() && !visible.has(static_cast<std::size_t>(found - answer->begin()));
}

Result<ListRequest> read_list(std::string_view query, const db::ListTable& table,
                              const ListOptions& options, std::optional<db::Filter> scope) {
  std::vector<db::Filter> filters;
  if (scope) filters.push_back(std::move(*scope));
  return read_list_in(query, table, options, std::move(filters));
}

Result<ListRequest> read_list_in(std::string_view query, const db::ListTable& table,
                                 const ListOptions& options, std::vector<db::Filter> scope) {
  ListRequest request;
  request.query.limit = options.default_limit;
  request.query.filters = std::move(scope);
  std::string cursor;
  if (!query.empty()) {
    QueryReader in;
    KIT_TRY(in.open(query));
    ListReader(in, table, options, request).read_all(cursor);
    if (!in.ok()) return in.refusal();
  }
  for (const db::Filter& filter : request.query.filters) {
    if (!options.hides(filter.column->name)) continue;
    return Error(Code::permission_denied, "you may not ask for these by what they belong to")
        .with_reason("FIELDS_FORBIDDEN");
  }
  request.shown = request.shown & options.visible;
  if (options.newest_first && request.query.sort.empty()) {
    request.query.sort.push_back({table.id, true});
  }
  if (!cursor.empty()) {
    Result<std::vector<db::Value>> after = db::decode_cursor(table, request.query, cursor);
    if (!after) return invalid_parameters(std::move(after).error());
    request.query.after = std::move(*after);
  }
  return request;
}

Result<ViewRequest> read_view(std::string_view query, const ListOptions& options) {
  ViewRequest request;
  request.shown = options.visible;
  if (query.empty()) return request;
  QueryReader in;
  KIT_TRY(in.open(query));
  std::vector<std::string_view> known;
  if (options.expandable != nullptr) known.push_back("expand");
  if (options.answer != nullptr) known.push_back("fields");
  const std::string* fields = nullptr;
  for (const auto& [name, value] : in.parameters()) {
    if (name == "expand" && options.expandable != nullptr) {
      detail::read_expand(in, value, *options.expandable, request.expand);
    } else if (name == "fields" && options.answer != nullptr) {
      fields = &value;
    } else {
      in.add_unknown(name, known);
    }
  }
  FieldMask asked;
  if (fields != nullptr) detail::read_fields(in, *fields, options, asked, request.expand);
  if (!in.ok()) return in.refusal();
  request.shown = request.shown & asked;
  return request;
}

}  // namespace kit::rest
