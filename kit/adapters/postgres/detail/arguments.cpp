// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "kit/adapters/postgres/detail/big_endian.hpp"
#include "kit/adapters/postgres/detail/numeric.hpp"
#include "kit/adapters/postgres/detail/types.hpp"
#include "kit/adapters/postgres/detail/values.hpp"
#include "kit/base/uuid.hpp"

namespace kit::postgres::detail {
namespace {

constexpr int text_format = 0;
constexpr int binary_format = 1;

Error invalid_value(std::string what, std::string reason) {
  return Error(Code::invalid_argument, std::move(what)).with_reason(std::move(reason));
}

/// Types whose binary form is their text.
bool is_text(Oid type) {
  switch (type) {
    case type::text:
    case type::varchar:
    case type::bpchar:
    case type::name:
    case type::json:
    case type::unknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<> Arguments::set(std::span<const db::Parameter> parameters, std::span<const Oid> types) {
  values_.clear();
  lengths_.clear();
  formats_.clear();
  owned_.clear();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    KIT_TRY(add(parameters[i], i < types.size() ? types[i] : Oid{0}));
  }
  return {};
}

Result<> Arguments::add(const db::Parameter& parameter, Oid type) {
  struct Visitor {
    Arguments& arguments;
    Oid type;
    Result<> operator()(std::nullptr_t) const {
      arguments.values_.push_back(nullptr);
      arguments.lengths_.push_back(0);
      arguments.formats_.push_back(text_format);
      return {};
    }
    Result<> operator()(std::int64_t value) const { return arguments.add_number(value, type); }
    Result<> operator()(double value) const { return arguments.add_real(value, type); }
    Result<> operator()(db::Scaled value) const {
      return arguments.add_as_text(scaled_text(value));
    }
    Result<> operator()(std::string_view text) const { return arguments.add_text(text, type); }
    Result<> operator()(db::Blob blob) const { return arguments.add_bytes(blob.bytes, type); }
  };
  return std::visit(Visitor{*this, type}, parameter);
}

void Arguments::add_borrowed(std::string_view bytes, int format) {
  // A null pointer would be NULL instead of "".
  values_.push_back(bytes.data() != nullptr ? bytes.data() : "");
  lengths_.push_back(static_cast<int>(bytes.size()));
  formats_.push_back(format);
}

template <class T>
Result<> Arguments::add_binary(T value) {
  const auto raw = write_number(value);
  add_borrowed(owned_.emplace_back(raw.data(), raw.size()), binary_format);
  return {};
}

Result<> Arguments::add_as_text(std::string text) {
  if (text.find('\0') != text.npos) {
    return invalid_value("a value with a zero character", "VALUE_INVALID");
  }
  add_borrowed(owned_.emplace_back(std::move(text)), text_format);
  return {};
}

Result<> Arguments::out_of_range() const {
  return invalid_value(
      "parameter " + std::to_string(values_.size() + 1) + " is out of the range of its type",
      "VALUE_OUT_OF_RANGE");
}

Result<> Arguments::add_number(std::int64_t value, Oid type) {
  switch (type) {
    case type::int8:
      return add_binary(value);
    case type::int4:
      if (!std::in_range<std::int32_t>(value)) return out_of_range();
      return add_binary(static_cast<std::int32_t>(value));
    case type::int2:
      if (!std::in_range<std::int16_t>(value)) return out_of_range();
      return add_binary(static_cast<std::int16_t>(value));
    case type::boolean:
      return add_binary(static_cast<std::int8_t>(value != 0 ? 1 : 0));
    case type::timestamptz:
    case type::timestamp: {
      std::int64_t since = 0;
      if (__builtin_sub_overflow(value, epoch_microseconds, &since)) return out_of_range();
      return add_binary(since);
    }
    case type::date: {
      std::int64_t since = 0;
      if (__builtin_sub_overflow(value, epoch_days, &since) ||
          !std::in_range<std::int32_t>(since)) {
        return out_of_range();
      }
      return add_binary(static_cast<std::int32_t>(since));
    }
    case type::time:
      return add_binary(value);
    case type::float8:
      return add_binary(static_cast<double>(value));
    default:
      return add_as_text(std::to_string(value));
  }
}

Result<> Arguments::add_real(double value, Oid type) {
  if (type == type::float8) return add_binary(value);
  if (type == type::float4) return add_binary(static_cast<float>(value));
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return add_as_text(std::string(digits.data(), end));
}

Result<> Arguments::add_text(std::string_view text, Oid type) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() - 1)) {
    return invalid_value("a text is too large", "VALUE_TOO_LARGE");
  }
  if (is_text(type)) {
    add_borrowed(text, binary_format);
    return {};
  }
  if (type == type::uuid) {
    const auto uuid = Uuid::parse(text);
    if (!uuid) return invalid_value("a text that is no UUID", "VALUE_INVALID");
    add_borrowed(owned_.emplace_back(uuid->bytes.begin(), uuid->bytes.end()), binary_format);
    return {};
  }
  if (type == type::jsonb) {
    // The form has a version, 1.
    add_borrowed(owned_.emplace_back("\1").append(text), binary_format);
    return {};
  }
  if (type == type::bytea) {
    add_borrowed(text, binary_format);
    return {};
  }
  return add_as_text(std::string(text));
}

Result<> Arguments::add_bytes(std::string_view bytes, Oid type) {
  if (type != type::bytea) return add_text(bytes, type);
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() - 1)) {
    return invalid_value("a value is too large", "VALUE_TOO_LARGE");
  }
  add_borrowed(bytes, binary_format);
  return {};
}

}  // namespace kit::postgres::detail
