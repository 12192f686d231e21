// SPDX-License-Identifier: Apache-2.0
#include "kit/record/detail/batch_keys.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_set>
#include <variant>

#include "kit/base/assert.hpp"
#include "kit/db/insert_rows.hpp"

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

/// As a tree that is not deep: databases have limits.
void append_pairs(std::string& text, std::span<const std::string_view> columns, std::size_t pairs,
                  std::size_t& number) {
  text += '(';
  if (pairs > 1) {
    append_pairs(text, columns, pairs / 2, number);
    text += " OR ";
    append_pairs(text, columns, pairs - pairs / 2, number);
  } else {
    for (std::size_t column = 0; column < columns.size(); ++column) {
      text.append(column == 0 ? "" : " AND ").append(db::quoted_name(columns[column]));
      text.append(" = ?").append(std::to_string(++number));
    }
  }
  text += ')';
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

std::string select_pairs(std::string_view table, std::span<const std::string_view> columns,
                         std::size_t pairs) {
  std::string text =
      "SELECT " + db::name_list(columns) + " FROM " + db::quoted_name(table) + " WHERE ";
  std::size_t number = 0;
  append_pairs(text, columns, pairs, number);
  return text;
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

Task<bool> BatchKeys::find(db::Session& session, Text text, int first_column, Purpose purpose,
                           Found found) {
  if (records_.empty()) co_return true;
  // Few different texts: the last key is given again and again.
  const std::size_t keys = std::bit_ceil(records_.size());
  const std::vector<db::Parameter> last(values_.end() - static_cast<std::ptrdiff_t>(columns_),
                                        values_.end());
  while (values_.size() < keys * columns_) values_.insert(values_.end(), last.begin(), last.end());
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
  const std::string sql = text(keys);
  co_await select(session, sql, values_, sink, purpose);
  co_return is_usable;
}

}  // namespace kit::record::detail
