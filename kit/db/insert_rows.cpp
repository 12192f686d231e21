// SPDX-License-Identifier: Apache-2.0
#include "kit/db/insert_rows.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

namespace kit::db {
namespace {

/// Of one statement. Fewer are stored by halves of it, so that there are few different texts.
constexpr std::size_t most_rows = 64;
/// What the adapters take, that of MySQL the fewest.
constexpr std::size_t most_parameters = 1'000;

/// Rows that wait for their statement, with what they borrow.
class Batch {
 public:
  explicit Batch(std::size_t columns) : columns_(columns) {}

  void add(const std::vector<Parameter>& row) {
    for (const Parameter& value : row) {
      if (const auto* text = std::get_if<std::string_view>(&value)) {
        values_.emplace_back(std::string_view(kept_.emplace_back(*text)));
      } else if (const auto* blob = std::get_if<Blob>(&value)) {
        values_.emplace_back(Blob{kept_.emplace_back(blob->bytes)});
      } else {
        values_.push_back(value);
      }
    }
  }
  std::size_t rows() const { return values_.size() / columns_; }
  std::span<const Parameter> part(std::size_t first, std::size_t count) const {
    return std::span(values_).subspan(first * columns_, count * columns_);
  }
  void clear() {
    values_.clear();
    kept_.clear();
  }

 private:
  std::size_t columns_;
  std::vector<Parameter> values_;
  std::deque<std::string> kept_;
};

}  // namespace

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string name_list(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += quoted_name(name);
  }
  return text;
}

std::string insert_text(std::string_view table, std::span<const std::string_view> columns,
                        std::size_t rows) {
  std::string text = "INSERT INTO " + quoted_name(table) + " (" + name_list(columns) + ") VALUES ";
  std::size_t number = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    text += row == 0 ? "(" : ", (";
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += ", ";
      text += '?' + std::to_string(++number);
    }
    text += ')';
  }
  return text;
}

Result<bool> next_row(RowSource next, std::size_t columns, std::vector<Parameter>& row) {
  row.clear();
  Result<bool> more = next(row);
  if (!more.ok() || !*more || row.size() == columns) return more;
  return Error(Code::internal, "a row of " + std::to_string(row.size()) + " values for " +
                                   std::to_string(columns) + " columns");
}

Task<std::int64_t> insert_rows_by_statements(Session& session, std::string_view table,
                                             std::span<const std::string_view> columns,
                                             RowSource next) {
  std::size_t at_once = most_rows;
  while (at_once > 1 && at_once * columns.size() > most_parameters) at_once /= 2;
  std::vector<Parameter> row;
  Batch batch(columns.size());
  std::int64_t stored = 0;
  for (bool more = true; more;) {
    batch.clear();
    while (more && batch.rows() < at_once) {
      more = co_await next_row(next, columns.size(), row);
      if (more) batch.add(row);
    }
    std::size_t done = 0;
    for (std::size_t size = at_once; size > 0; size /= 2) {
      if (batch.rows() - done < size) continue;
      const std::string sql = insert_text(table, columns, size);
      Task<Session::Changed> inserting = session.execute(sql, batch.part(done, size));
      co_await std::move(inserting);
      done += size;
    }
    stored += static_cast<std::int64_t>(done);
  }
  co_return stored;
}

Task<std::int64_t> Transaction::insert_rows(std::string_view table,
                                            std::span<const std::string_view> columns,
                                            RowSource next) {
  return insert_rows_by_statements(*this, table, columns, next);
}

}  // namespace kit::db
