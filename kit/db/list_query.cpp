// SPDX-License-Identifier: Apache-2.0
#include "kit/db/list_query.hpp"

#include <array>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

namespace kit::db {
namespace {

struct OperatorName {
  std::string_view name;
  Operator op;
};
constexpr std::array<OperatorName, 11> operator_names = {{{"eq", Operator::eq},
                                                          {"ne", Operator::ne},
                                                          {"gt", Operator::gt},
                                                          {"gte", Operator::gte},
                                                          {"lt", Operator::lt},
                                                          {"lte", Operator::lte},
                                                          {"in", Operator::in},
                                                          {"contains", Operator::contains},
                                                          {"like", Operator::like},
                                                          {"is_null", Operator::is_null},
                                                          {"has", Operator::has}}};

bool is_null(const Value& value) {
  return std::holds_alternative<std::nullptr_t>(value);
}

/// Appends `text` so that LIKE ... ESCAPE '\' takes it literally; `*` becomes any text if asked.
void append_pattern(std::string& out, std::string_view text, bool wildcards) {
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') out.push_back('\\');
    out.push_back(wildcards && c == '*' ? '%' : c);
  }
}

std::string contains_pattern(std::string_view text) {
  std::string out = "%";
  append_pattern(out, text, false);
  out.push_back('%');
  return out;
}

/// Writes one statement; every value goes through `bind`.
class Builder {
 public:
  Builder(const ListTable& table, const ListQuery& query) : table_(table), query_(query) {}

  Result<BuiltQuery> list() {
    KIT_TRY(check());
    auto keys = sort_keys(table_, query_);
    if (!query_.after.empty() && query_.after.size() != keys.size()) {
      return invalid("cursor", "does not belong to this list");
    }
    out_.sql = "SELECT ";
    out_.sql.append(table_.select);
    for (const auto& key : keys) out_.sql.append(", ").append(key.column->sql);
    out_.sql.append(" FROM ").append(table_.from);
    KIT_TRY(conditions());
    if (!query_.after.empty()) {
      joint();
      out_.sql.append("(");
      after(keys, 0);
      out_.sql.append(")");
    }
    out_.sql.append(" ORDER BY ");
    std::string_view separator;
    for (const auto& key : keys) {
      out_.sql.append(separator).append(key.column->sql);
      if (key.descending) out_.sql.append(" DESC");
      separator = ", ";
    }
    out_.sql.append(" LIMIT ");
    bind(query_.limit + 1);
    if (query_.offset > 0) {
      out_.sql.append(" OFFSET ");
      bind(query_.offset);
    }
    return std::move(out_);
  }

  Result<BuiltQuery> count() {
    KIT_TRY(check());
    out_.sql = "SELECT count(*) FROM ";
    out_.sql.append(table_.from);
    KIT_TRY(conditions());
    return std::move(out_);
  }

 private:
  Result<> check() const {
    KIT_ASSERT(table_.id != nullptr, "a list needs an id column");
    if (query_.limit < 1 || query_.limit > ListQuery::max_limit) {
      return invalid("limit", "must be between 1 and " + std::to_string(ListQuery::max_limit));
    }
    if (query_.offset < 0) return invalid("offset", "must not be negative");
    if (query_.filters.size() > ListQuery::max_filters) {
      return invalid("filter", "at most " + std::to_string(ListQuery::max_filters) + " filters");
    }
    if (query_.sort.size() > ListQuery::max_sorts) {
      return invalid("sort", "at most " + std::to_string(ListQuery::max_sorts) + " keys");
    }
    return {};
  }

  void bind(Value value) {
    out_.values.push_back(std::move(value));
    out_.sql.append("?").append(std::to_string(out_.values.size()));
  }

  void joint() {
    out_.sql.append(first_ ? " WHERE " : " AND ");
    first_ = false;
  }

  Result<> conditions() {
    if (!table_.live.empty() && !query_.include_deleted) {
      joint();
      out_.sql.append(table_.live);
    }
    for (const auto& filter : query_.filters) {
      joint();
      KIT_TRY(condition(filter));
    }
    return search();
  }

  Result<> condition(const Filter& filter) {
    std::string field(filter.column->name);
    std::string_view column = filter.column->sql;
    if (filter.op == Operator::in) return in(filter, field);
    if (filter.values.size() != 1) return invalid(field, "takes one value");
    const Value& value = filter.values.front();
    switch (filter.op) {
      case Operator::eq:
      case Operator::ne:
        KIT_TRY(check_type(*filter.column, value, true));
        return equality(filter, value);
      case Operator::gt:
        return comparison(*filter.column, " > ", value);
      case Operator::gte:
        return comparison(*filter.column, " >= ", value);
      case Operator::lt:
        return comparison(*filter.column, " < ", value);
      case Operator::lte:
        return comparison(*filter.column, " <= ", value);
      case Operator::contains:
      case Operator::like:
        return like(filter, value);
      case Operator::is_null: {
        const auto* yes = std::get_if<std::int64_t>(&value);
        if (yes == nullptr) return invalid(field, "is_null takes true or false");
        out_.sql.append(column).append(*yes != 0 ? " IS NULL" : " IS NOT NULL");
        return {};
      }
      case Operator::has:
        return has(*filter.column, value);
      case Operator::in:
        break;
    }
    return Error(Code::internal, "an unknown operator");
  }

  Result<> equality(const Filter& filter, const Value& value) {
    const bool equal = filter.op == Operator::eq;
    out_.sql.append(filter.column->sql);
    if (is_null(value)) {
      out_.sql.append(equal ? " IS NULL" : " IS NOT NULL");
      return {};
    }
    if (equal) {
      out_.sql.append(" = ");
    } else {
      out_.sql.append(filter.column->nullable ? " IS NOT " : " <> ");
    }
    bind(value);
    return {};
  }

  Result<> comparison(const Column& column, std::string_view op, const Value& value) {
    KIT_TRY(check_type(column, value, false));
    out_.sql.append(column.sql).append(op);
    bind(value);
    return {};
  }

  /// Nothing in a null array: json_each of null has no rows.
  Result<> has(const Column& column, const Value& value) {
    KIT_TRY(check_type(column, value, false));
    out_.sql.append("EXISTS (SELECT 1 FROM json_each(")
        .append(column.sql)
        .append(") WHERE value = ");
    bind(value);
    out_.sql.append(")");
    return {};
  }

  Result<> in(const Filter& filter, const std::string& field) {
    if (filter.values.empty() || filter.values.size() > ListQuery::max_in_values) {
      return invalid(field, "takes 1 to " + std::to_string(ListQuery::max_in_values) + " values");
    }
    out_.sql.append(filter.column->sql).append(" IN (");
    std::string_view separator;
    for (const auto& value : filter.values) {
      KIT_TRY(check_type(*filter.column, value, false));
      out_.sql.append(separator);
      bind(value);
      separator = ", ";
    }
    out_.sql.append(")");
    return {};
  }

  Result<> like(const Filter& filter, const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || filter.column->type != ColumnType::text) {
      return invalid(std::string(filter.column->name), "only text can be searched in");
    }
    if (text->size() > max_pattern) {
      return invalid(std::string(filter.column->name),
                     "takes at most " + std::to_string(max_pattern) + " bytes");
    }
    std::string pattern;
    if (filter.op == Operator::like && text->find('*') != text->npos) {
      append_pattern(pattern, *text, true);
    } else {
      pattern = contains_pattern(*text);
    }
    out_.sql.append(filter.column->sql).append(" LIKE ");
    bind(std::move(pattern));
    out_.sql.append(" ESCAPE '\\'");
    return {};
  }

  Result<> search() {
    std::size_t words = 0;
    for (std::string_view word : split(query_.search, ' ')) {
      if (word.empty()) continue;
      if (query_.search_columns.empty()) return invalid("search", "this list has no search");
      if (++words > ListQuery::max_search_words || word.size() > max_pattern) {
        return invalid("search", "takes at most " + std::to_string(ListQuery::max_search_words) +
                                     " words of at most " + std::to_string(max_pattern) + " bytes");
      }
      joint();
      // The word is bound once for all columns.
      out_.values.emplace_back(contains_pattern(word));
      std::string place = "?" + std::to_string(out_.values.size());
      std::string_view separator = "(";
      for (const Column* column : query_.search_columns) {
        out_.sql.append(separator).append(column->sql).append(" LIKE ").append(place);
        out_.sql.append(" ESCAPE '\\'");
        separator = " OR ";
      }
      out_.sql.append(")");
    }
    return {};
  }

  Result<> check_type(const Column& column, const Value& value, bool null_allowed) const {
    bool fits = false;
    switch (column.type) {
      case ColumnType::integer:
        fits = std::holds_alternative<std::int64_t>(value);
        break;
      case ColumnType::real:
        fits = std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value);
        break;
      case ColumnType::text:
        fits = std::holds_alternative<std::string>(value);
        break;
    }
    if (fits || (null_allowed && is_null(value))) return {};
    return invalid(std::string(column.name), "has a value of the wrong type");
  }

  /// The rows behind the cursor, from key `i` on: those whose key comes later, or is the same and
  /// the keys behind it come later. Nulls are the smallest values.
  void after(const std::vector<Sort>& keys, std::size_t i) {
    const Sort& key = keys[i];
    const Value& value = query_.after[i];
    std::string_view column = key.column->sql;
    const bool last = i + 1 == keys.size();
    if (!last && !is_null(value) && !(key.descending && key.column->nullable)) {
      // Follows from the rest, and is what an index can start at.
      out_.sql.append(column).append(key.descending ? " <= " : " >= ");
      bind(value);
      out_.sql.append(" AND (");
      later(key, value);
      out_.sql.append(" OR (");
      same_then(keys, i);
      out_.sql.append("))");
      return;
    }
    if (is_null(value) && key.descending) {
      // Nothing comes after null here.
      if (last) {
        out_.sql.append("0");
      } else {
        same_then(keys, i);
      }
      return;
    }
    later(key, value);
    if (last) return;
    out_.sql.append(" OR (");
    same_then(keys, i);
    out_.sql.append(")");
  }

  void later(const Sort& key, const Value& value) {
    std::string_view column = key.column->sql;
    if (is_null(value)) {
      out_.sql.append(column).append(" IS NOT NULL");
      return;
    }
    out_.sql.append(column).append(key.descending ? " < " : " > ");
    bind(value);
    if (key.descending && key.column->nullable) {
      out_.sql.append(" OR ").append(column).append(" IS NULL");
    }
  }

  void same_then(const std::vector<Sort>& keys, std::size_t i) {
    out_.sql.append(keys[i].column->sql);
    if (is_null(query_.after[i])) {
      out_.sql.append(" IS NULL");
    } else {
      out_.sql.append(" = ");
      bind(query_.after[i]);
    }
    out_.sql.append(" AND (");
    after(keys, i + 1);
    out_.sql.append(")");
  }

  static constexpr std::size_t max_pattern = 400;

  const ListTable& table_;
  const ListQuery& query_;
  BuiltQuery out_;
  bool first_ = true;
};

}  // namespace

Parameter parameter(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* text = std::get_if<std::string>(&value)) return std::string_view(*text);
  return nullptr;
}

std::optional<Operator> parse_operator(std::string_view name) {
  for (const auto& entry : operator_names) {
    if (entry.name == name) return entry.op;
  }
  return std::nullopt;
}

std::string_view name(Operator op) {
  for (const auto& entry : operator_names) {
    if (entry.op == op) return entry.name;
  }
  return "";
}

std::vector<Sort> sort_keys(const ListTable& table, const ListQuery& query) {
  std::vector<Sort> keys;
  for (const auto& sort : query.sort) {
    bool seen = false;
    for (const auto& key : keys) seen |= key.column == sort.column;
    if (!seen) keys.push_back(sort);
    if (sort.column == table.id) return keys;
  }
  // In the direction of the key before it, an index on that key gives this order as it stands.
  keys.push_back({table.id, !keys.empty() && keys.back().descending});
  return keys;
}

std::vector<Parameter> BuiltQuery::parameters() const {
  std::vector<Parameter> out;
  out.reserve(values.size());
  for (const auto& value : values) out.push_back(parameter(value));
  return out;
}

Result<BuiltQuery> build_list(const ListTable& table, const ListQuery& query) {
  return Builder(table, query).list();
}

Result<BuiltQuery> build_count(const ListTable& table, const ListQuery& query) {
  return Builder(table, query).count();
}

}  // namespace kit::db
