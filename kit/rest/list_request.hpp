// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/db/list_query.hpp"
#include "kit/rest/value_type.hpp"

namespace kit::rest {

/// A column of a list and how clients write its values.
struct ListField {
  const db::Column* column;
  const ValueType* type;
  int scale = 0;
};

/// What clients may ask of a list: a constant of generated code.
struct ListOptions {
  std::span<const ListField> fields;
  std::span<const db::Column* const> search = {};    ///< Empty: no `search=`.
  std::span<const std::string_view> relations = {};  ///< That `expand=` knows.
  std::int64_t default_limit = 50;
  std::int64_t max_limit = 200;
};

/// Which relations were asked for, by their place in the options.
class Expand {
 public:
  bool has(std::size_t relation) const { return (bits_ >> relation & 1) != 0; }
  void add(std::size_t relation) { bits_ |= std::uint64_t{1} << relation; }
  bool empty() const { return bits_ == 0; }

 private:
  std::uint64_t bits_ = 0;
};

struct ListRequest {
  db::ListQuery query;
  Expand expand;
};

/// Reads
/// `genre_id=1&milliseconds.gte=1000&sort=-name&limit=20&cursor=...&search=...&expand=album&total=true`,
/// or `page=3` instead of the cursor.
/// `scope`, when given, narrows the list to what a path names; no client can take it away. Fails
/// with `invalid_argument`: a violation for every parameter that is unknown (naming the known
/// ones), given twice or bad, and for a page so far that only the cursor should go there. Lifetime:
/// the columns of `table` and `options` are constants.
Result<ListRequest> read_list(std::string_view query, const db::ListTable& table,
                              const ListOptions& options,
                              std::optional<db::Filter> scope = std::nullopt);

/// Reads `expand=album,genre`, the one parameter of a single entity. Fails like `read_list`.
Result<Expand> read_expand(std::string_view query, std::span<const std::string_view> relations);

}  // namespace kit::rest
