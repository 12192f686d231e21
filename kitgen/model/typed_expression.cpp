// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/detail/typed_expression.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::model {
namespace {

using Kind = Expression::Kind;
using schema::in_quotes;
using Values = std::vector<Typed>;

constexpr std::array<std::string_view, 6> functions{"coalesce", "if",    "length",
                                                    "lower",    "round", "upper"};

/// Every mistake ends the check: what follows from it would be told wrongly.
struct Stop {};

std::string compute(std::string_view function, std::initializer_list<std::string_view> arguments) {
  std::string text = "compute::" + std::string(function) + "(";
  bool is_first = true;
  for (const std::string_view argument : arguments) {
    if (!std::exchange(is_first, false)) text += ", ";
    text += argument;
  }
  return text + ")";
}

bool is_number(const Typed& value) {
  return value.kind == ValueKind::integer || value.kind == ValueKind::decimal;
}

class Checker {
 public:
  Checker(const Context& context, std::size_t entity, std::string variable,
          const ExpressionError& fail)
      : context_(context), entity_(entity), variable_(std::move(variable)), fail_(fail) {}

  Typed check(const Expression& expression) {
    Typed result = check_kind(expression);
    result.offset = expression.offset;
    result.length = expression.length;
    return result;
  }

  /// A text that is written out becomes a value of the other's kind, an integer a decimal.
  Typed adapt(Typed value, const Typed& other) {
    if (value.kind == ValueKind::integer && other.kind == ValueKind::decimal) {
      value.cpp = compute("decimal", {value.cpp});
      value.kind = ValueKind::decimal;
      value.value_type = other.value_type;
      value.scale = 0;
      value.may_fail = true;
    } else if (value.kind == ValueKind::null && other.kind != ValueKind::null) {
      value.cpp = "compute::null<" + other.value_type + ">()";
      value.kind = other.kind;
      value.scale = other.scale;
      value.value_type = other.value_type;
      value.enum_index = other.enum_index;
      value.id_entity = other.id_entity;
    } else if (value.is_text_literal && other.kind != ValueKind::text) {
      value = read_literal(std::move(value), other);
    }
    return value;
  }

  bool is_same(const Typed& a, const Typed& b) const {
    return a.kind == b.kind && a.enum_index == b.enum_index && a.id_entity == b.id_entity &&
           (a.kind != ValueKind::inexact || a.value_type == b.value_type);
  }

  [[noreturn]] void stop(const Typed& at, std::string message, std::string help = "") {
    fail_(at.offset, at.length, std::move(message), std::move(help));
    throw Stop{};
  }
  [[noreturn]] void stop(const Expression& at, std::string message, std::string help = "") {
    fail_(at.offset, at.length, std::move(message), std::move(help));
    throw Stop{};
  }

 private:
  Typed check_kind(const Expression& expression) {
    switch (expression.kind) {
      case Kind::number:
        return number(expression);
      case Kind::text: {
        Typed result{.kind = ValueKind::text, .value_type = "std::string"};
        result.cpp = compute("of", {cpp_string(expression.text)});
        result.is_text_literal = true;
        result.literal = expression.text;
        return result;
      }
      case Kind::flag:
        return {
            .kind = ValueKind::flag, .value_type = "bool", .cpp = compute("of", {expression.text})};
      case Kind::null:
        return {.is_nullable = true};
      case Kind::name:
        return name(expression);
      case Kind::call:
        break;
    }
    Values operands;
    // A quotient is known by the round() around it.
    if (expression.text == "round") return round(expression);
    for (const Expression& operand : expression.operands) operands.push_back(check(operand));
    return call(expression, std::move(operands));
  }

  Typed number(const Expression& expression) {
    Field field;
    const bool is_whole = expression.text.find('.') == std::string::npos;
    field.type = is_whole ? Scalar::int64 : Scalar::decimal;
    field.precision = kit::Decimal::max_digits;
    const std::size_t point = expression.text.find('.');
    field.scale = is_whole ? 0 : static_cast<int>(expression.text.size() - point - 1);
    std::string why;
    std::optional<ParsedLiteral> value;
    if (field.scale <= kit::Decimal::max_digits)
      value = parse_literal(context_.service, field, {expression.text, {}, 1, false}, why);
    if (!value) stop(expression, "the number " + in_quotes(expression.text) + " cannot be read");
    return {.kind = is_whole ? ValueKind::integer : ValueKind::decimal,
            .scale = field.scale,
            .value_type = is_whole ? "std::int64_t" : "kit::Decimal",
            .cpp = compute("of", {value->literal.cpp})};
  }

  Typed name(const Expression& expression) {
    const Entity& here = context_.service.entities[entity_];
    const std::size_t index = context_.field_index(entity_, expression.text);
    if (index == none) unknown_name(expression, here);
    const Field& field = here.fields[index];
    if (field.secret)
      stop(expression, "the secret field " + in_quotes(field.name) +
                           " cannot be used: its value would be seen");
    Typed result{.kind = kind_of(field),
                 .scale = field.scale,
                 .value_type = field.cpp_type,
                 .cpp = compute("of", {variable_ + "." + field.name}),
                 .is_nullable = field.optional,
                 .enum_index = field.enum_index,
                 .id_entity = field.id_entity};
    if (result.kind == ValueKind::integer) result.value_type = "std::int64_t";
    return result;
  }

  [[noreturn]] void unknown_name(const Expression& expression, const Entity& here) {
    if (context_.is_computed(entity_, expression.text))
      stop(expression, "a computed field cannot use another one, " + in_quotes(expression.text),
           "write out what it computes");
    const Relation* relation = context_.find_relation(entity_, expression.text);
    std::string help =
        relation != nullptr && !relation->field.empty()
            ? "write " + in_quotes(relation->field)
            : context_.diagnostics.did_you_mean(expression.text, context_.field_names(entity_));
    if (help.empty())
      help = "an expression uses fields of the same entity; texts stand in 'quotes'";
    stop(expression,
         "there is no field " + in_quotes(expression.text) + " in " + in_quotes(here.name),
         std::move(help));
  }

  Typed call(const Expression& expression, Values operands) {
    const std::string& function = expression.text;
    if (function == "+" || function == "-" || function == "*" || function == "minus")
      return arithmetic(expression, std::move(operands));
    if (function == "/")
      stop(expression, "a quotient may never end", "say its digits: round(a / b, 2)");
    if (function == "||") return concat(std::move(operands));
    if (function == "and" || function == "or" || function == "not")
      return logic(function, std::move(operands));
    if (function == "is null") return is_null(std::move(operands[0]));
    if (function == "=" || function == "!=" || function[0] == '<' || function[0] == '>')
      return compare(expression, std::move(operands));
    if (function == "lower" || function == "upper" || function == "length")
      return of_text(expression, std::move(operands));
    if (function == "coalesce") return coalesce(expression, std::move(operands));
    if (function == "if") return choose(expression, std::move(operands));
    std::string help =
        context_.diagnostics.did_you_mean(function, std::span<const std::string_view>(functions));
    stop(expression, "unknown function " + in_quotes(function),
         help.empty() ? "known: " + schema::one_of(functions) : std::move(help));
  }

  void need_count(const Expression& expression, std::size_t count, const char* form) {
    if (expression.operands.size() == count) return;
    stop(expression,
         in_quotes(expression.text) + " takes " + std::to_string(count) +
             (count == 1 ? " value" : " values"),
         std::string("write ") + form);
  }

  void need_number(const Typed& value, const std::string& who) {
    if (is_number(value)) return;
    const char* help = value.kind == ValueKind::text ? "texts are joined with ||"
                       : value.kind == ValueKind::inexact
                           ? "float and double are not exact: use decimal"
                           : "";
    stop(value,
         in_quotes(who) + " takes whole numbers and decimals, not " +
             std::string(name_of(value.kind)),
         help);
  }

  Typed arithmetic(const Expression& expression, Values operands) {
    const bool is_unary = expression.text == "minus";
    for (const Typed& each : operands) need_number(each, is_unary ? "-" : expression.text);
    Typed result{.value_type = "", .may_fail = true};
    if (is_unary) {
      result = std::move(operands[0]);
      result.cpp = compute("negate", {result.cpp});
      result.may_fail = true;
      return result;
    }
    operands[0] = adapt(std::move(operands[0]), operands[1]);
    operands[1] = adapt(std::move(operands[1]), operands[0]);
    const bool is_product = expression.text == "*";
    result.kind = operands[0].kind;
    result.value_type = operands[0].value_type;
    result.scale = is_product ? operands[0].scale + operands[1].scale
                              : std::max(operands[0].scale, operands[1].scale);
    if (result.scale > kit::Decimal::max_digits)
      stop(expression,
           "the product has " + std::to_string(result.scale) +
               " digits behind the point; a decimal has 18 at most",
           "round one side: round(a, 2)");
    result.is_nullable = operands[0].is_nullable || operands[1].is_nullable;
    const char* function = is_product ? "multiply" : expression.text == "+" ? "add" : "subtract";
    result.cpp = compute(function, {operands[0].cpp, operands[1].cpp});
    return result;
  }

  /// round(a, 2), round(a / b, 2)
  Typed round(const Expression& expression) {
    need_count(expression, 2, "round(value, 2)");
    const Expression& digits = expression.operands[1];
    const auto scale = kit::parse_int(digits.text);
    if (digits.kind != Kind::number || !scale || *scale < 0 || *scale > kit::Decimal::max_digits)
      stop(digits, "the digits of 'round' must be a number from 0 to 18");
    const Expression& value = expression.operands[0];
    const bool is_quotient = value.kind == Kind::call && value.text == "/";
    Values operands;
    if (is_quotient) {
      for (const Expression& each : value.operands) operands.push_back(check(each));
    } else {
      operands.push_back(check(value));
    }
    const Typed decimal{.kind = ValueKind::decimal, .value_type = "kit::Decimal"};
    Typed result = decimal;
    result.scale = static_cast<int>(*scale);
    result.may_fail = true;
    for (Typed& each : operands) {
      need_number(each, is_quotient ? "/" : "round");
      each = adapt(std::move(each), decimal);
      result.is_nullable = result.is_nullable || each.is_nullable;
    }
    result.cpp = is_quotient ? compute("divide", {operands[0].cpp, operands[1].cpp, digits.text})
                             : compute("round", {operands[0].cpp, digits.text});
    return result;
  }

  Typed concat(Values operands) {
    for (const Typed& each : operands) {
      if (each.kind == ValueKind::text) continue;
      stop(each, "'||' joins texts, not " + std::string(name_of(each.kind)));
    }
    return {.kind = ValueKind::text,
            .value_type = "std::string",
            .cpp = compute("concat", {operands[0].cpp, operands[1].cpp}),
            .is_nullable = operands[0].is_nullable || operands[1].is_nullable,
            .may_fail = operands[0].may_fail || operands[1].may_fail};
  }

  void need_flag(const Typed& value, const std::string& who) {
    if (value.kind != ValueKind::flag)
      stop(value, in_quotes(who) + " takes what is true or false, not " +
                      std::string(name_of(value.kind)));
  }

  static Typed flag(std::string cpp, bool is_nullable, bool may_fail) {
    return {.kind = ValueKind::flag,
            .value_type = "bool",
            .cpp = std::move(cpp),
            .is_nullable = is_nullable,
            .may_fail = may_fail};
  }

  Typed logic(const std::string& function, Values operands) {
    for (const Typed& each : operands) need_flag(each, function);
    if (function == "not")
      return flag(compute("negation", {operands[0].cpp}), operands[0].is_nullable,
                  operands[0].may_fail);
    return flag(compute(function == "and" ? "both" : "either", {operands[0].cpp, operands[1].cpp}),
                operands[0].is_nullable || operands[1].is_nullable,
                operands[0].may_fail || operands[1].may_fail);
  }

  Typed is_null(Typed operand) {
    if (operand.kind == ValueKind::null) stop(operand, "null is always null");
    return flag(compute("is_null", {operand.cpp}), false, operand.may_fail);
  }

  Typed compare(const Expression& expression, Values operands) {
    if (operands[0].kind == ValueKind::null || operands[1].kind == ValueKind::null)
      stop(expression, "a comparison with null is never true", "write is null, or is not null");
    operands[0] = adapt(std::move(operands[0]), operands[1]);
    operands[1] = adapt(std::move(operands[1]), operands[0]);
    if (!is_same(operands[0], operands[1]) || operands[0].kind == ValueKind::list)
      stop(expression, in_quotes(expression.text) + " cannot compare " +
                           std::string(name_of(operands[0].kind)) + " with " +
                           std::string(name_of(operands[1].kind)));
    const bool is_equality = expression.text == "=" || expression.text == "!=";
    const ValueKind kind = operands[0].kind;
    const bool has_order = kind != ValueKind::flag && kind != ValueKind::uuid &&
                           kind != ValueKind::enumeration && kind != ValueKind::id;
    if (!is_equality && !has_order)
      stop(expression, std::string(name_of(kind)) + " has no order: only = and != compare it");
    const bool is_swapped = expression.text[0] == '>';
    const Typed& a = operands[is_swapped ? 1 : 0];
    const Typed& b = operands[is_swapped ? 0 : 1];
    const char* function = is_equality                   ? "equal"
                           : expression.text.size() == 2 ? "less_equal"
                                                         : "less";
    std::string cpp = compute(function, {a.cpp, b.cpp});
    if (expression.text == "!=") cpp = compute("negation", {cpp});
    return flag(std::move(cpp), a.is_nullable || b.is_nullable, a.may_fail || b.may_fail);
  }

  Typed of_text(const Expression& expression, Values operands) {
    const std::string& function = expression.text;
    need_count(expression, 1, (function + "(text)").c_str());
    const bool is_length = function == "length";
    const bool fits =
        operands[0].kind == ValueKind::text || (is_length && operands[0].kind == ValueKind::list &&
                                                operands[0].value_type.starts_with("std::vector"));
    if (!fits)
      stop(operands[0], in_quotes(function) + " takes a text" + (is_length ? " or an array" : "") +
                            ", not " + std::string(name_of(operands[0].kind)));
    Typed result{.kind = is_length ? ValueKind::integer : ValueKind::text,
                 .value_type = is_length ? "std::int64_t" : "std::string",
                 .cpp = compute(function, {operands[0].cpp}),
                 .is_nullable = operands[0].is_nullable,
                 .may_fail = operands[0].may_fail};
    return result;
  }

  /// Both as values of one kind.
  void unify(const Expression& expression, Typed& a, Typed& b) {
    a = adapt(std::move(a), b);
    b = adapt(std::move(b), a);
    if (is_same(a, b) && a.kind != ValueKind::list) return;
    stop(b, in_quotes(expression.text) + " must give one kind of value, not " +
                std::string(name_of(a.kind)) + " or " + std::string(name_of(b.kind)));
  }

  Typed coalesce(const Expression& expression, Values operands) {
    if (operands.size() < 2)
      stop(expression, "'coalesce' takes two values or more", "write coalesce(field, 'otherwise')");
    Typed result = std::move(operands.back());
    for (std::size_t i = operands.size() - 1; i-- > 0;) {
      Typed first = std::move(operands[i]);
      if (first.kind != ValueKind::null && !first.is_nullable)
        stop(first, "this value is never null, so the ones behind it are never taken");
      unify(expression, first, result);
      result.cpp = compute("coalesce", {first.cpp, result.cpp});
      result.scale = std::max(first.scale, result.scale);
      result.may_fail = result.may_fail || first.may_fail;
      result.is_text_literal = false;
    }
    return result;
  }

  Typed choose(const Expression& expression, Values operands) {
    need_count(expression, 3, "if(condition, then, otherwise)");
    need_flag(operands[0], "if");
    Typed& then = operands[1];
    Typed& otherwise = operands[2];
    unify(expression, then, otherwise);
    Typed result = then;
    result.cpp = compute("choose", {operands[0].cpp, then.cpp, otherwise.cpp});
    result.scale = std::max(then.scale, otherwise.scale);
    result.is_nullable = then.is_nullable || otherwise.is_nullable;
    result.may_fail = operands[0].may_fail || then.may_fail || otherwise.may_fail;
    result.is_text_literal = false;
    return result;
  }

  /// 'paid' beside a status, '2021-01-31' beside a date.
  Typed read_literal(Typed value, const Typed& other) {
    Field field;
    switch (other.kind) {
      case ValueKind::date:
        field.type = Scalar::date;
        break;
      case ValueKind::time:
        field.type = Scalar::time;
        break;
      case ValueKind::timestamp:
        field.type = Scalar::timestamp;
        break;
      case ValueKind::duration:
        field.type = Scalar::duration;
        break;
      case ValueKind::uuid:
        field.type = Scalar::uuid;
        break;
      case ValueKind::enumeration:
        field.type = Scalar::enumeration;
        field.enum_index = other.enum_index;
        break;
      default:
        return value;
    }
    std::string why;
    const auto parsed = parse_literal(context_.service, field, {value.literal, {}, 1, true}, why);
    if (!parsed || parsed->literal.is_now)
      stop(value, in_quotes(value.literal) + " " + (why.empty() ? "cannot be used here" : why));
    Typed result = other;
    result.offset = value.offset;
    result.length = value.length;
    result.cpp = compute("of", {parsed->literal.cpp});
    result.is_nullable = false;
    result.may_fail = false;
    return result;
  }

  const Context& context_;
  std::size_t entity_;
  std::string variable_;
  const ExpressionError& fail_;
};

Typed as_field(Checker& checker, Typed value, const Field& field) {
  Typed wanted{.kind = kind_of(field),
               .scale = field.scale,
               .value_type = field.cpp_type,
               .enum_index = field.enum_index,
               .id_entity = field.id_entity};
  if (value.kind == ValueKind::null) checker.stop(value, "the expression is always null");
  value = checker.adapt(std::move(value), wanted);
  if (value.kind == ValueKind::decimal && value.scale == 0 && wanted.kind == ValueKind::integer) {
    value.cpp = "compute::to_int64(" + value.cpp + ")";
    value.kind = ValueKind::integer;
    value.may_fail = true;
  }
  if (!checker.is_same(value, wanted))
    checker.stop(value, "the expression gives " + std::string(name_of(value.kind)) +
                            ", but the field is of the type " + in_quotes(scalar_name(field.type)));
  if (field.type == Scalar::int32) {
    value.cpp = "compute::to_int32(" + value.cpp + ")";
    value.may_fail = true;
  } else if (field.type == Scalar::decimal) {
    if (value.scale > field.scale)
      checker.stop(value,
                   "the expression has " + std::to_string(value.scale) +
                       " digits behind the point, but the field has " + std::to_string(field.scale),
                   "write round(..., " + std::to_string(field.scale) + ")");
    value.cpp = "compute::to_decimal(" + value.cpp + ", " + std::to_string(field.precision) + ", " +
                std::to_string(field.scale) + ")";
    value.may_fail = true;
  }
  return value;
}

}  // namespace

std::optional<Typed> check_expression(const Context& context, std::size_t entity,
                                      const Expression& expression, const std::string& variable,
                                      const ExpressionError& fail) {
  try {
    return Checker(context, entity, variable, fail).check(expression);
  } catch (const Stop&) {
    return std::nullopt;  // told where it was thrown
  }
}

std::optional<Typed> convert_to(const Context& context, Typed value, const Field& field,
                                const ExpressionError& fail) {
  try {
    Checker checker(context, none, "", fail);
    return as_field(checker, std::move(value), field);
  } catch (const Stop&) {
    return std::nullopt;
  }
}

}  // namespace kitgen::model
