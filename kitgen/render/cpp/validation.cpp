// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/quote.hpp"
#include "kitgen/render/cpp/layers.hpp"
#include "kitgen/render/cpp/layout.hpp"

namespace kitgen::render {
namespace {

using model::Field;
using model::Scalar;

class Checks {
 public:
  explicit Checks(std::string_view variable) : variable_(variable) {}

  void add_all(const Field& field) {
    const std::string unit = field.is_array                ? "items"
                             : field.type == Scalar::bytes ? "bytes"
                                                           : "length";
    add_limits(field, unit, field.min_length, field.max_length);
    if (field.unique_items) add(field, "unique_items", {});
    add_limits(field, "length", field.item_min_length, field.item_max_length);
    if (field.type == Scalar::email) add(field, "email", {});
    if (field.type == Scalar::url) add(field, "url", {});
    if (field.type == Scalar::decimal) {
      add(field, "digits", {std::to_string(field.precision), std::to_string(field.scale)});
    }
    if (field.min) add(field, "min", {field.min->cpp});
    if (field.max) add(field, "max", {field.max->cpp});
    if (!field.pattern.empty()) add_pattern(field);
  }

  void add_computed(const Field& field) {
    const std::vector<std::string> arguments{
        "\"" + field.name + "\"",
        "compute_" + field.name + "(" + std::string(variable_) + ").failed"};
    text_ += call(2, "check.computed", arguments, ";") + "\n";
  }

  std::string text() const { return text_; }
  bool uses_pattern() const { return uses_pattern_; }

 private:
  void add(const Field& field, std::string_view check, std::vector<std::string> more) {
    std::vector<std::string> arguments{"\"" + field.name + "\"",
                                       std::string(variable_) + "." + field.name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    text_ += call(2, "check." + std::string(check), arguments, ";") + "\n";
  }

  void add_limits(const Field& field, const std::string& unit,
                  const std::optional<std::uint32_t>& least,
                  const std::optional<std::uint32_t>& most) {
    if (least && *least > 0) add(field, "min_" + unit, {std::to_string(*least)});
    if (most) add(field, "max_" + unit, {std::to_string(*most)});
  }

  void add_pattern(const Field& field) {
    const std::string name = field.name + "_pattern";
    text_ += protect("  static const kit::validate::Pattern " + name + "(" +
                         model::cpp_string(field.pattern) + ");",
                     2);
    text_ += "\n";
    add(field, "pattern", {name});
    uses_pattern_ = true;
  }

  std::string_view variable_;
  std::string text_;
  bool uses_pattern_ = false;
};

}  // namespace

Validation validation(const std::vector<const Field*>& fields, std::string_view variable,
                      std::span<const model::ComputedField> computed) {
  Validation result;
  Checks checks(variable);
  for (const Field* field : fields) {
    const std::string before = checks.text();
    checks.add_all(*field);
    if (checks.text() != before) result.fields.push_back(field);
  }
  for (const model::ComputedField& each : computed) {
    if (each.may_fail) checks.add_computed(each.field);
  }
  result.uses_pattern = checks.uses_pattern();
  result.uses_value = !checks.text().empty();
  result.body = "{}";
  if (result.uses_value) {
    result.body = "{\n  kit::validate::Checker check(violations);\n" + checks.text() + "}";
  }
  return result;
}

}  // namespace kitgen::render
