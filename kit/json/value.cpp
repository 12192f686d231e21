// SPDX-License-Identifier: Apache-2.0
#include "kit/json/value.hpp"

namespace kit::json {
namespace {

const Value& null_value() {
  static const Value value;
  return value;
}

std::optional<Value> read_number(Reader& reader) {
  auto text = reader.number_text();
  if (!text) return std::nullopt;
  if (*text == "-0") return Value(-0.0);  // as an integer it would lose its sign
  Reader number(*text);
  if (auto whole = number.try_int64()) return Value(*whole);
  if (auto value = number.try_double()) return Value(*value);
  return std::nullopt;
}

std::optional<Value> read_array(Reader& reader) {
  Value::Array elements;
  while (reader.next_element()) {
    auto element = Value::read(reader);
    if (!element) return std::nullopt;
    elements.push_back(*std::move(element));
  }
  if (reader.failed()) return std::nullopt;
  return Value(std::move(elements));
}

std::optional<Value> read_object(Reader& reader) {
  Value::Object members;
  while (auto key = reader.next_key()) {
    std::string name(*key);
    auto value = Value::read(reader);
    if (!value) return std::nullopt;
    members.push_back({std::move(name), *std::move(value)});
  }
  if (reader.failed()) return std::nullopt;
  return Value(std::move(members));
}

void copy(Reader& from, Writer& to) {
  switch (from.peek()) {
    case Kind::object:
      from.begin_object();
      to.begin_object();
      while (auto key = from.next_key()) {
        to.key(*key);
        copy(from, to);
      }
      to.end_object();
      break;
    case Kind::array:
      from.begin_array();
      to.begin_array();
      while (from.next_element()) copy(from, to);
      to.end_array();
      break;
    case Kind::string:
      if (auto text = from.try_string()) to.string(*text);
      break;
    case Kind::none:
      break;
    default:
      if (auto text = from.raw_value()) to.raw(*text);
  }
}

}  // namespace

Value::Value() : data_(nullptr) {}
Value::Value(std::nullptr_t) : data_(nullptr) {}
Value::Value(double number) : data_(number) {}
Value::Value(std::string text) : data_(std::move(text)) {}
Value::Value(std::string_view text) : data_(std::string(text)) {}
Value::Value(const char* text) : data_(std::string(text)) {}
Value::Value(Array elements) : data_(std::move(elements)) {}
Value::Value(Object members) : data_(std::move(members)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;
void Value::assign(bool flag) {
  data_ = flag;
}
void Value::assign(std::int64_t number) {
  data_ = number;
}

std::optional<Value> Value::read(Reader& reader) {
  switch (reader.peek()) {
    case Kind::object:
      return reader.begin_object() ? read_object(reader) : std::nullopt;
    case Kind::array:
      return reader.begin_array() ? read_array(reader) : std::nullopt;
    case Kind::number:
      return read_number(reader);
    case Kind::string:
      if (auto text = reader.try_string()) return Value(*text);
      break;
    case Kind::boolean:
      if (auto flag = reader.try_bool()) return Value(*flag);
      break;
    case Kind::null:
      if (reader.try_null()) return Value();
      break;
    case Kind::none:
      break;
  }
  return std::nullopt;
}

Result<Value> Value::parse(std::string_view text) {
  Reader reader(text);
  auto value = read(reader);
  if (reader.failed()) return reader.error();
  if (!value) return Error(Code::invalid_argument, "a number is beyond the range of a double");
  if (!reader.finish()) return reader.error();
  return *std::move(value);
}

Kind Value::kind() const {
  static constexpr Kind kinds[] = {Kind::null,   Kind::boolean, Kind::number, Kind::number,
                                   Kind::string, Kind::array,   Kind::object};
  return kinds[data_.index()];
}

std::optional<double> Value::number() const {
  if (const auto* whole = int64()) return static_cast<double>(*whole);
  if (const auto* value = std::get_if<double>(&data_)) return *value;
  return std::nullopt;
}

const Value* Value::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

const Value& Value::operator[](std::string_view name) const {
  const Value* value = find(name);
  return value == nullptr ? null_value() : *value;
}

const Value& Value::operator[](std::size_t index) const {
  const Array* elements = array();
  return elements == nullptr || index >= elements->size() ? null_value() : (*elements)[index];
}

void Value::write(Writer& writer) const {
  if (const Array* elements = array()) {
    writer.begin_array();
    for (const Value& element : *elements) element.write(writer);
    writer.end_array();
  } else if (const Object* members = object()) {
    writer.begin_object();
    for (const Member& member : *members) {
      writer.key(member.name);
      member.value.write(writer);
    }
    writer.end_object();
  } else if (const std::string* text = string()) {
    writer.string(*text);
  } else if (const bool* flag = boolean()) {
    writer.boolean(*flag);
  } else if (const std::int64_t* whole = int64()) {
    writer.int64(*whole);
  } else if (const auto* value = std::get_if<double>(&data_)) {
    writer.float64(*value);
  } else {
    writer.null();
  }
}

std::string Value::to_text() const {
  std::string out;
  Writer writer(out);
  write(writer);
  return out;
}

bool operator==(const Value& a, const Value& b) {
  return a.data_ == b.data_;
}

Result<std::string> compact(std::string_view text) {
  std::string out;
  Reader reader(text);
  Writer writer(out);
  copy(reader, writer);
  if (!reader.finish()) return reader.error();
  return out;
}

}  // namespace kit::json
