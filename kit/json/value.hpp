// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/json/reader.hpp"
#include "kit/json/writer.hpp"

namespace kit::json {

struct Member;

/// A JSON document in memory, members in their order. For tests, tools and small documents;
/// requests are read with `Reader`.
class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;

  Value();  ///< null
  Value(std::nullptr_t);
  Value(std::same_as<bool> auto flag) : Value() { assign(flag); }
  Value(std::signed_integral auto number) : Value() { assign(std::int64_t{number}); }
  Value(double number);
  Value(std::string text);
  Value(std::string_view text);
  Value(const char* text);
  Value(Array elements);
  Value(Object members);
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  /// Strict, as `Reader` says. Fails with `invalid_argument`, also for numbers beyond the range of
  /// double. Whole numbers that fit are int64, all others double.
  static Result<Value> parse(std::string_view text);
  /// The value at the reader's place; a reader that fails says why itself.
  static std::optional<Value> read(Reader& reader);

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }

  // Null where the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* int64() const { return std::get_if<std::int64_t>(&data_); }
  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Object* object() const { return std::get_if<Object>(&data_); }
  Array* array() { return std::get_if<Array>(&data_); }
  Object* object() { return std::get_if<Object>(&data_); }
  /// Of either kind of number.
  std::optional<double> number() const;

  /// The member of that name, or null; null too when this is no object.
  const Value* find(std::string_view name) const;
  /// Like `find`, the JSON null when there is none: `value["error"]["code"]` in tests.
  const Value& operator[](std::string_view name) const;
  /// The element, the JSON null when there is none.
  const Value& operator[](std::size_t index) const;

  void write(Writer& writer) const;
  std::string to_text() const;

  /// Numbers of different kinds differ: 1 is not 1.0. The order of members counts.
  friend bool operator==(const Value& a, const Value& b);

 private:
  void assign(bool flag);
  void assign(std::int64_t number);
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> data_;
};

struct Member {
  std::string name;
  Value value;
  friend bool operator==(const Member&, const Member&) = default;
};

/// `text` checked and without blanks, every string in its shortest form, numbers and order of
/// members as written: how values of the schema's `json` type are kept. Fails with
/// `invalid_argument`.
Result<std::string> compact(std::string_view text);

}  // namespace kit::json
