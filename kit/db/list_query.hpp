// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/db/database.hpp"
#include "kit/db/dialect.hpp"

namespace kit::db {

/// A value that owns its text; `blob` columns are neither filtered nor sorted by.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;

/// Borrows from `value`.
Parameter parameter(const Value& value);

/// How a column's values compare: times and the like are integers, as in `Parameter`; so are the
/// values of booleans and decimals (their units), which some databases store in another way.
enum class ColumnType : std::uint8_t { integer, real, text, boolean, decimal };

/// A column that a list may filter or sort by: a constant of generated code, the only source of
/// identifiers in the SQL built here.
struct Column {
  std::string_view name;  ///< As clients write it: "created_at".
  std::string_view sql;   ///< Quoted as the dialect wants it: "\"created_at\"".
  ColumnType type = ColumnType::text;
  bool nullable = false;
  bool filterable = false;
  bool sortable = false;
  int scale = 0;  ///< Of decimals.
};

/// What a list reads from.
struct ListTable {
  std::string_view from;    ///< "customer", or a join.
  std::string_view select;  ///< "id, first_name, ...": the columns of the answer, in order.
  int columns = 0;          ///< How many `select` has.
  const Column* id = nullptr;
  /// True for rows that are not soft-deleted: "deleted_at IS NULL"; empty when there are none.
  std::string_view live = {};
};

enum class Operator : std::uint8_t {
  eq,  ///< Equal; a null value finds nulls.
  ne,  ///< Not equal, nulls included; a null value finds what is not null.
  gt,  ///< These four never find nulls.
  gte,
  lt,
  lte,
  in,        ///< Equal to one of the values (at most `max_in_values`).
  contains,  ///< Has the text somewhere in it, ASCII case ignored.
  like,  ///< As `contains`, but `*` stands for any text and both ends are fixed when there is one.
  is_null,  ///< Value 1: is null; 0: is not.
  has,      ///< For arrays, whose `Column::type` is that of their elements: has the value.
};

/// The operator that clients write after the point of `created_at.gte=...`; nothing for others.
std::optional<Operator> parse_operator(std::string_view name);
std::string_view name(Operator op);

struct Filter {
  const Column* column = nullptr;
  Operator op = Operator::eq;
  std::vector<Value> values;
};

struct Sort {
  const Column* column = nullptr;
  bool descending = false;
};

/// What a list says of soft-deleted rows.
enum class Deleted : std::uint8_t { exclude, include, only };

/// What a client asked a list for, checked already: the columns are ones it may use and the values
/// have the columns' types.
struct ListQuery {
  static constexpr std::size_t max_in_values = 200;
  static constexpr std::size_t max_filters = 32;
  static constexpr std::size_t max_sorts = 8;
  static constexpr std::size_t max_search_words = 8;
  static constexpr std::int64_t max_limit = 1000;

  std::vector<Filter> filters;  ///< All must hold.
  std::vector<Sort> sort;       ///< The id is added as the last key.
  std::int64_t limit = 50;
  std::int64_t offset = 0;  ///< For page numbers; 0 with `after`.
  /// The cursor's values: one for each key of `sort_keys`. Empty: from the start.
  std::vector<Value> after;
  std::string search;  ///< Every word must be in one of `search_columns`.
  std::vector<const Column*> search_columns;
  bool include_total = false;
  Deleted deleted = Deleted::exclude;
};

/// The rows a caller has to do with: those of which one of the expressions is the owner. Not part
/// of what a client asked, and of no cursor.
struct RowLimit {
  bool is_limited = false;
  std::vector<std::string_view> owners;  ///< SQL without parameters; constants of generated code.
  std::string owner;
};

/// The keys rows are ordered by: `query.sort` up to the first unique one, which is the id, added in
/// the direction of the key before it.
std::vector<Sort> sort_keys(const ListTable& table, const ListQuery& query);

/// SQL text and what to bind. The text depends on the shape of the query only, never on its values
/// (but for which cursor values are null and how many `in` has), so that statement caches hit.
struct BuiltQuery {
  std::string sql;
  std::vector<Value> values;
  /// Of those of `values` that are decimals, else -1.
  std::vector<int> scales;
  /// Lifetime: this object's.
  std::vector<Parameter> parameters() const;
};

/// `SELECT <select>, <sort keys> FROM ...`, at most `limit + 1` rows: the one too many says that
/// there are more. Fails with `invalid_argument` for more than the maxima above, an `in` without
/// values, and values of a wrong type.
Result<BuiltQuery> build_list(const ListTable& table, const ListQuery& query,
                              const RowLimit& limit = {}, Dialect dialect = Dialect::sqlite);
/// `SELECT count(*)` of all rows that the filters let through.
Result<BuiltQuery> build_count(const ListTable& table, const ListQuery& query,
                               const RowLimit& limit = {}, Dialect dialect = Dialect::sqlite);

/// Opaque text for `values`, which are those of the last row's sort keys. It holds for queries with
/// the same sort, filters and search only.
std::string encode_cursor(const ListTable& table, const ListQuery& query,
                          std::span<const Value> values);
/// The values of a cursor for `query.after`. Fails with `invalid_argument` on the field "cursor"
/// for anything that `encode_cursor` did not make for such a query.
Result<std::vector<Value>> decode_cursor(const ListTable& table, const ListQuery& query,
                                         std::string_view cursor);

/// Receives the rows of `build_list` and tells where the page ends.
///
///     db::PageReader page(table, query);
///     sink: if (page.take(row)) customers.push_back(read_customer(row));
///     next_cursor = page.next_cursor();
class PageReader {
 public:
  PageReader(const ListTable& table, const ListQuery& query);
  /// False for the row past the page, which says that there is a next one.
  bool take(const Row& row);
  /// Of the next page; nothing when this is the last.
  std::optional<std::string> next_cursor() const;

 private:
  const ListTable& table_;
  const ListQuery& query_;
  std::vector<Sort> keys_;
  int first_key_;
  std::int64_t rows_ = 0;
  bool more_ = false;
  std::vector<Value> last_;
};

}  // namespace kit::db
