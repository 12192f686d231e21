// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/lookup.hpp"
#include "kitgen/adopt/detail/proposal.hpp"

namespace kitgen::adopt {
namespace {

using Test = Condition::Test;

bool is_number_type(std::string_view type) {
  return type == "int32" || type == "int64" || type == "float" || type == "double" ||
         type.starts_with("decimal");
}

/// The smallest value above `bound` that the type has; "" when there is none to name.
std::string next_above(std::string_view type, const std::string& bound) {
  const auto whole = kit::parse_int(bound);
  if (!whole || *whole > 1'000'000'000 || *whole < 0) return {};
  if (type == "int32" || type == "int64") return std::to_string(*whole + 1);
  const std::size_t comma = type.find(',');
  if (!type.starts_with("decimal") || comma == std::string_view::npos) return {};
  const auto scale = kit::parse_int(type.substr(comma + 1, type.size() - comma - 2));
  if (!scale || *scale < 1 || *scale > 18) return {};
  return bound + "." + std::string(static_cast<std::size_t>(*scale) - 1, '0') + "1";
}

std::string next_below(std::string_view type, const std::string& bound) {
  const auto whole = kit::parse_int(bound);
  const bool is_whole = type == "int32" || type == "int64";
  if (!whole || !is_whole || *whole > 1'000'000'000 || *whole < -1'000'000'000) return {};
  return std::to_string(*whole - 1);
}

bool apply_values(const Column& column, const Condition& condition, Item& item) {
  const std::string type = item.find("type") != nullptr ? *item.find("type") : "";
  if (condition.of_length || !condition.values_are_text || (type != "string" && type != "text"))
    return false;
  const std::string* fallback = item.find("default");
  if (fallback != nullptr && column.default_sql) {
    const Default value = default_of(*column.default_sql);
    item.drop("default");
    for (const auto& [theirs, ours] : enum_values(condition.values)) {
      if (theirs == value.value) item.set("default", yaml_value(ours));
    }
  }
  set_enum_values(condition.values, item);
  // Keys in the order people read them: what it is first.
  const auto values =
      std::ranges::find(item.keys, "values", &std::pair<std::string, std::string>::first);
  std::rotate(item.keys.begin() + 1, values, values + 1);
  return true;
}

bool apply_bound(const Condition& condition, Item& item) {
  const std::string type = item.find("type") != nullptr ? *item.find("type") : "";
  const bool is_text = type == "string" || type == "text";
  if (condition.of_length != is_text || (!is_text && !is_number_type(type))) return false;
  const std::string counted = condition.of_length ? "int64" : type;
  const std::string& bound = condition.values.front();
  std::string value = bound;
  if (condition.test == Test::greater) value = next_above(counted, bound);
  if (condition.test == Test::less) value = next_below(counted, bound);
  if (value.empty()) return false;
  const bool is_low = condition.test == Test::greater || condition.test == Test::at_least;
  if (is_low && !is_text && item.find("min") != nullptr && *item.find("min") == value) return true;
  if (is_low && item.find("min") != nullptr && *item.find("min") != "0") return false;
  if (!is_low && !is_text && item.find("max") != nullptr) return false;
  item.set(is_low ? "min" : "max", yaml_value(value));
  return true;
}

bool apply(Entity& entity, const Condition& condition) {
  Item* item = find_field(entity, condition.column);
  const Column* column = find_column(*entity.table, condition.column);
  if (item == nullptr || column == nullptr || condition.values.empty()) return false;
  return condition.test == Test::one_of ? apply_values(*column, condition, *item)
                                        : apply_bound(condition, *item);
}

}  // namespace

void apply_checks(Entity& entity) {
  for (const Check& check : entity.table->checks) {
    const std::optional<std::vector<Condition>> conditions = conditions_of(check.expression);
    bool carried = conditions.has_value();
    Item* item = nullptr;
    if (conditions) {
      for (const Condition& condition : *conditions) {
        carried = apply(entity, condition) && carried;
        item = find_field(entity, condition.column);
      }
    }
    if (carried) continue;
    const std::string note = "check " + shown(check.expression) + " is not carried whole";
    (item != nullptr ? item->notes : entity.notes).push_back(note);
  }
}

}  // namespace kitgen::adopt
