// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/copy.hpp"

#include <algorithm>

#include "kit/adapters/postgres/detail/big_endian.hpp"
#include "kit/adapters/postgres/detail/numeric.hpp"
#include "kit/adapters/postgres/detail/types.hpp"

namespace kit::postgres::detail {
namespace {

template <class T>
void append(std::string& stream, T number) {
  const auto raw = write_number(number);
  stream.append(raw.data(), raw.size());
}

/// Types whose binary form is their text.
bool is_text(Oid type) {
  return type == type::text || type == type::varchar || type == type::bpchar || type == type::json;
}

bool is_copied(Oid type) {
  switch (type) {
    case type::boolean:
    case type::int2:
    case type::int4:
    case type::int8:
    case type::float4:
    case type::float8:
    case type::numeric:
    case type::bytea:
    case type::jsonb:
    case type::uuid:
    case type::date:
    case type::time:
    case type::timestamp:
    case type::timestamptz:
      return true;
    default:
      return is_text(type);
  }
}

Result<> append_value(std::string& stream, const Arguments& row, std::size_t i, Oid type) {
  const char* value = row.values()[i];
  if (value == nullptr) {
    append(stream, std::int32_t{-1});
    return {};
  }
  std::string_view bytes(value, static_cast<std::size_t>(row.lengths()[i]));
  std::string binary;
  if (row.formats()[i] == 0 && type == type::numeric) {
    auto made = numeric_binary(bytes);
    if (!made) return std::move(made).error();
    binary = std::move(*made);
    bytes = binary;
  } else if (row.formats()[i] == 0 && !is_text(type)) {
    return Error(Code::invalid_argument,
                 "value " + std::to_string(i + 1) + " is of another kind than its column")
        .with_reason("VALUE_INVALID");
  }
  append(stream, static_cast<std::int32_t>(bytes.size()));
  stream.append(bytes);
  return {};
}

}  // namespace

bool can_copy(std::span<const Oid> types) {
  return std::ranges::all_of(types, is_copied);
}

std::string_view copy_head() {
  constexpr std::string_view head("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19);
  return head;
}

std::string_view copy_tail() {
  return "\xff\xff";
}

Result<> append_copy_row(std::string& stream, const Arguments& row, std::span<const Oid> types) {
  append(stream, static_cast<std::int16_t>(types.size()));
  for (std::size_t i = 0; i < types.size(); ++i) {
    KIT_TRY(append_value(stream, row, i, types[i]));
  }
  return {};
}

}  // namespace kit::postgres::detail
