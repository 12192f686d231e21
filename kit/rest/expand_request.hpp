// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kit/rest/field_mask.hpp"

namespace kit::rest {

struct Expandable;
struct Relation;

/// A relation that a request asked for.
struct ExpandedRelation {
  const Relation* relation = nullptr;  ///< Null: the entity the request is about.
  bool is_named = false;               ///< Not only on the way to another.
  FieldMask shown;                     ///< Of the target's fields.
  std::vector<ExpandedRelation> relations;
};

/// What `expand=album.artist,genre` asked for.
class Expand {
 public:
  static constexpr std::size_t max_depth = 3;        ///< Relations one behind the other.
  static constexpr std::size_t max_relations = 20;   ///< Of a request: each is a statement.
  static constexpr std::int64_t max_children = 100;  ///< Of one row by one relation.
  static constexpr std::size_t max_rows = 10'000;    ///< In an answer, each as often as written.

  bool empty() const { return root_ == nullptr; }
  const Expandable& entity() const { return *root_->entity; }
  const ExpandedRelation& root() const { return *root_; }
  /// Begins with an entity.
  ExpandedRelation& open(const Expandable& entity);

 private:
  struct Root : ExpandedRelation {
    const Expandable* entity = nullptr;
  };
  std::unique_ptr<Root> root_;
};

}  // namespace kit::rest
