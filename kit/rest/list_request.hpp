// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/db/list_query.hpp"
#include "kit/rest/expand_request.hpp"
#include "kit/rest/field_mask.hpp"
#include "kit/rest/input.hpp"
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
  std::span<const ListField> fields = {};
  std::span<const db::Column* const> search = {};  ///< Empty: no `search=`.
  const Expandable* expandable = nullptr;          ///< Null: no `expand=`.
  /// The fields of the answer in the order of its mask, the id first: what `fields=` knows. Null:
  /// no `fields=`.
  const std::span<const Field>* answer = nullptr;
  std::int64_t default_limit = 50;
  std::int64_t max_limit = 200;
  bool newest_first = false;  ///< Without `sort=` by the id, the last one first.
  /// Of `answer`: what this caller neither sees nor asks for, as if it were not there.
  FieldMask visible = {};

  bool hides(std::string_view field) const;
};

struct ListRequest {
  db::ListQuery query;
  Expand expand;
  FieldMask shown;  ///< Of `ListOptions::answer`.
};

/// What is asked of a single entity.
struct ViewRequest {
  Expand expand;
  FieldMask shown;
};

/// Reads
/// `genre_id=1&milliseconds.gte=1000&sort=-name&limit=20&cursor=...&search=...&expand=album.artist&total=true`,
/// or `page=3` instead of the cursor; `fields=id,name`; `deleted=only` or `deleted=include` where
/// rows are soft-deleted.
/// `scope`, when given, narrows the list to what a path names; no client can take it away. Fails
/// with `invalid_argument`: a violation for every parameter that is unknown (naming the known
/// ones), given twice or bad, and for a page so far that only the cursor should go there. Lifetime:
/// the columns of `table` and `options` are constants.
Result<ListRequest> read_list(std::string_view query, const db::ListTable& table,
                              const ListOptions& options,
                              std::optional<db::Filter> scope = std::nullopt);

/// The same for a list that several filters narrow.
Result<ListRequest> read_list_in(std::string_view query, const db::ListTable& table,
                                 const ListOptions& options, std::vector<db::Filter> scope);

/// Reads `expand=album,genre&fields=id,name,album.title`, the parameters of a single entity. Fails
/// like `read_list`.
Result<ViewRequest> read_view(std::string_view query, const ListOptions& options);

}  // namespace kit::rest
