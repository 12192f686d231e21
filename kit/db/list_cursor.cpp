// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/db/list_query.hpp"
#include "kit/json/reader.hpp"
#include "kit/json/writer.hpp"

namespace kit::db {
namespace {

constexpr std::int64_t cursor_version = 1;
constexpr std::size_t longest_cursor = 8 * 1024;

void write(json::Writer& writer, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    writer.int64(*integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    writer.float64(*real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    writer.string(*text);
  } else {
    writer.null();
  }
}

/// Says which query a cursor belongs to, without its place in it.
std::string fingerprint(const ListTable& table, const ListQuery& query) {
  std::string text;
  json::Writer writer(text);
  writer.begin_array();
  writer.string(table.from);
  writer.begin_array();
  for (const auto& key : sort_keys(table, query)) {
    writer.string(key.column->name);
    writer.boolean(key.descending);
  }
  writer.end_array();
  for (const auto& filter : query.filters) {
    writer.begin_array();
    writer.string(filter.column->name);
    writer.string(name(filter.op));
    for (const auto& value : filter.values) write(writer, value);
    writer.end_array();
  }
  writer.string(query.search);
  writer.int64(static_cast<std::int64_t>(query.deleted));
  writer.end_array();
  return sha256_hex(text).substr(0, 16);
}

Error bad_cursor() {
  return invalid("cursor", "is not one that this list gave with the same filters and sort");
}

/// Reals are their bits, so that the place is exact; infinity has no text in JSON.
std::int64_t bits(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  if (real != nullptr) return std::bit_cast<std::int64_t>(*real);
  return std::bit_cast<std::int64_t>(static_cast<double>(std::get<std::int64_t>(value)));
}

std::optional<Value> read_value(json::Reader& reader, const Column& column) {
  if (reader.peek() == json::Kind::null) {
    if (!reader.try_null() || !column.nullable) return std::nullopt;
    return Value(nullptr);
  }
  if (column.type == ColumnType::text) {
    auto text = reader.try_string();
    if (!text) return std::nullopt;
    return Value(std::string(*text));
  }
  auto integer = reader.try_int64();
  if (!integer) return std::nullopt;
  if (column.type == ColumnType::real) return Value(std::bit_cast<double>(*integer));
  return Value(*integer);
}

/// [version, fingerprint, value...]
std::optional<std::vector<Value>> read_cursor(std::string_view text, std::string_view print,
                                              const std::vector<Sort>& keys) {
  json::Reader reader(text);
  if (!reader.begin_array()) return std::nullopt;
  if (!reader.next_element() || reader.try_int64() != cursor_version) return std::nullopt;
  if (!reader.next_element() || reader.try_string() != print) return std::nullopt;
  std::vector<Value> values;
  while (reader.next_element()) {
    if (values.size() == keys.size()) return std::nullopt;
    auto value = read_value(reader, *keys[values.size()].column);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
  }
  if (values.size() != keys.size() || !reader.finish()) return std::nullopt;
  return values;
}

Value read_column(const Row& row, int index, const Column& column) {
  if (row.is_null(index)) return nullptr;
  switch (column.type) {
    case ColumnType::integer:
    case ColumnType::boolean:
      return row.int64(index);
    case ColumnType::decimal:
      return row.scaled(index, column.scale);
    case ColumnType::real:
      return row.real(index);
    case ColumnType::text:
      break;
  }
  return std::string(row.text(index));
}

}  // namespace

std::string encode_cursor(const ListTable& table, const ListQuery& query,
                          std::span<const Value> values) {
  auto keys = sort_keys(table, query);
  KIT_ASSERT(keys.size() == values.size(), "one value for each sort key");
  std::string text;
  json::Writer writer(text);
  writer.begin_array();
  writer.int64(cursor_version);
  writer.string(fingerprint(table, query));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    bool real = keys[i].column->type == ColumnType::real &&
                !std::holds_alternative<std::nullptr_t>(values[i]);
    if (real) {
      writer.int64(bits(values[i]));
    } else {
      write(writer, values[i]);
    }
  }
  writer.end_array();
  return base64url_encode(text);
}

Result<std::vector<Value>> decode_cursor(const ListTable& table, const ListQuery& query,
                                         std::string_view cursor) {
  if (cursor.size() > longest_cursor) return bad_cursor();
  auto text = base64url_decode(cursor);
  if (!text) return bad_cursor();
  auto values = read_cursor(*text, fingerprint(table, query), sort_keys(table, query));
  if (!values) return bad_cursor();
  return std::move(*values);
}

PageReader::PageReader(const ListTable& table, const ListQuery& query)
    : table_(table), query_(query), keys_(sort_keys(table, query)), first_key_(table.columns) {}

bool PageReader::take(const Row& row) {
  if (rows_ == query_.limit) {
    more_ = true;
    return false;
  }
  if (++rows_ < query_.limit) return true;
  last_.clear();
  int index = first_key_;
  for (const auto& key : keys_) last_.push_back(read_column(row, index++, *key.column));
  return true;
}

std::optional<std::string> PageReader::next_cursor() const {
  if (!more_) return std::nullopt;
  return encode_cursor(table_, query_, last_);
}

}  // namespace kit::db
