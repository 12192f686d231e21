// SPDX-License-Identifier: Apache-2.0
#include "kit/record/detail/batch_keys.hpp"

#include <array>
#include <bit>
#include <unordered_set>
#include <variant>

#include "kit/base/assert.hpp"
#include "kit/db/insert_rows.hpp"
#include "kit/json/writer.hpp"

namespace kit::record::detail {
namespace {

/// Of the texts of stored rows that are kept for a batch.
constexpr std::size_t most_bytes = 8 * 1024 * 1024;

void append(std::string& key, std::uint64_t bits) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(bits)>>(bits);
  key.append(bytes.data(), bytes.size());
}
void append(std::string& key, std::string_view text) {
  append(key, text.size());
  key.append(text);
}
void append(std::string& key, double value) {
  append(key, std::bit_cast<std::uint64_t>(value));
}
void append(std::string& key, std::int64_t value) {
  append(key, static_cast<std::uint64_t>(value));
}

void append(std::string& key, const db::Parameter& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return append(key, *number);
  if (const auto* text = std::get_if<std::string_view>(&value)) return append(key, *text);
  if (const auto* decimal = std::get_if<db::Scaled>(&value)) return append(key, decimal->units);
  if (const auto* blob = std::get_if<db::Blob>(&value)) return append(key, blob->bytes);
  if (const auto* real = std::get_if<double>(&value)) return append(key, *real);
}

/// The column of a row, of the kind that the parameter `like` is of.
void append(std::string& key, const db::Row& row, int column, const db::Parameter& like) {
  if (std::holds_alternative<std::int64_t>(like)) return append(key, row.int64(column));
  if (const auto* decimal = std::get_if<db::Scaled>(&like))
    return append(key, row.scaled(column, decimal->scale));
  if (std::holds_alternative<double>(like)) return append(key, row.real(column));
  append(key, row.text(column));
}

/// A column of the pairs: its type there is that of ids.
std::string_view type_of(const db::Parameter& id, db::Dialect dialect) {
  if (std::holds_alternative<std::int64_t>(id)) return "bigint";
  return dialect == db::Dialect::mysql ? "char(36) CHARACTER SET ascii" : "uuid";
}

/// A row that notices how much of it is read.
class MeasuredRow final : public db::Row {
 public:
  MeasuredRow(const db::Row& row, std::size_t& bytes) : row_(row), bytes_(bytes) {}

  bool is_null(int column) const override { return row_.is_null(column); }
  std::int64_t int64(int column) const override { return row_.int64(column); }
  double real(int column) const override { return row_.real(column); }
  std::int64_t scaled(int column, int scale) const override { return row_.scaled(column, scale); }
  std::string_view text(int column) const override {
    const std::string_view text = row_.text(column);
    bytes_ += text.size();
    return text;
  }

 private:
  const db::Row& row_;
  std::size_t& bytes_;
};

}  // namespace

std::string with_keys(std::string_view sql, std::size_t keys) {
  constexpr std::string_view one = "(?1)";
  const std::size_t place = sql.find(one);
  KIT_ASSERT(place != std::string_view::npos, "a SELECT by keys without (?1)");
  std::string text(sql.substr(0, place));
  for (std::size_t i = 1; i <= keys; ++i)
    text.append(i == 1 ? "(?" : ", ?").append(std::to_string(i));
  return text.append(")").append(sql.substr(place + one.size()));
}

std::string select_pairs(db::Dialect dialect, std::string_view table,
                         std::span<const std::string_view> columns,
                         std::span<const db::Parameter> like) {
  const std::string left = db::quoted_name(columns[0]);
  const std::string right = db::quoted_name(columns[1]);
  std::string text = "SELECT " + left + ", " + right + " FROM ";
  const std::string_view left_type = type_of(like[0], dialect);
  const std::string_view right_type = type_of(like[1], dialect);
  if (dialect == db::Dialect::mysql) {
    text.append("JSON_TABLE(?1, '$[*]' COLUMNS (kit_left ").append(left_type);
    text.append(" PATH '$[0]', kit_right ").append(right_type);
    text.append(" PATH '$[1]')) AS kit_pairs JOIN ").append(db::quoted_name(table));
    return text + " ON " + left + " = kit_left AND " + right + " = kit_right";
  }
  text += db::quoted_name(table) + " WHERE (" + left + ", " + right + ") IN (SELECT ";
  if (dialect == db::Dialect::sqlite) return text + "value ->> 0, value ->> 1 FROM json_each(?1))";
  text.append("CAST(value ->> 0 AS ").append(left_type).append("), CAST(value ->> 1 AS ");
  return text.append(right_type).append(") FROM jsonb_array_elements(?1))");
}

bool BatchKeys::add(std::size_t record, std::span<const db::Parameter> key) {
  std::string text;
  for (const db::Parameter& value : key) {
    if (std::holds_alternative<std::nullptr_t>(value)) return true;
    append(text, value);
  }
  if (!records_.emplace(std::move(text), record).second) return false;
  values_.insert(values_.end(), key.begin(), key.end());
  return true;
}

std::optional<std::size_t> BatchKeys::record_of(const db::Row& row, int first_column) const {
  std::string text;
  for (std::size_t i = 0; i < columns_; ++i)
    append(text, row, first_column + static_cast<int>(i), values_[i]);
  const auto found = records_.find(text);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

std::span<const db::Parameter> BatchKeys::padded() {
  const std::vector<db::Parameter> last(values_.end() - static_cast<std::ptrdiff_t>(columns_),
                                        values_.end());
  const std::size_t keys = std::bit_ceil(records_.size());
  while (values_.size() < keys * columns_) values_.insert(values_.end(), last.begin(), last.end());
  return values_;
}

std::string BatchKeys::json() const {
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (i % columns_ == 0) out.begin_array();
    if (const auto* number = std::get_if<std::int64_t>(&values_[i])) {
      out.int64(*number);
    } else {
      const auto* string = std::get_if<std::string_view>(&values_[i]);
      KIT_ASSERT(string != nullptr, "a key that is no id");
      out.string(*string);
    }
    if (i % columns_ == columns_ - 1) out.end_array();
  }
  out.end_array();
  return text;
}

Task<bool> BatchKeys::find(db::Session& session, std::string sql,
                           std::span<const db::Parameter> parameters, int first_column,
                           Purpose purpose, Found found) {
  std::size_t bytes = 0;
  bool is_usable = true;
  std::unordered_set<std::size_t> seen;
  auto sink = [&](const db::Row& row) -> Result<> {
    if (!is_usable) return {};
    const std::optional<std::size_t> record = record_of(row, first_column);
    is_usable = record.has_value();
    if (!record || !seen.insert(*record).second) return {};
    const MeasuredRow measured(row, bytes);
    KIT_TRY(found(*record, measured));
    is_usable = bytes <= most_bytes;
    return {};
  };
  co_await select(session, sql, parameters, sink, purpose);
  co_return is_usable;
}

}  // namespace kit::record::detail
