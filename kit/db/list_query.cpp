// SPDX-License-Identifier: Apache-2.0
#include "kit/db/list_query.hpp"

#include <array>
#include <utility>

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
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto* units = std::get_if<std::int64_t>(&values[i]);
    if (scales[i] >= 0 && units != nullptr) {
      out.emplace_back(Scaled{*units, scales[i]});
    } else {
      out.push_back(parameter(values[i]));
    }
  }
  return out;
}

}  // namespace kit::db
