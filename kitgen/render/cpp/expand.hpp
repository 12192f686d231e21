// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// How rows of an entity are found for `expand=`: one statement of its repository.
struct Way {
  const model::Entity* owner = nullptr;  ///< Null: by their ids, for what belongs_to them.
  const model::Relation* relation = nullptr;

  bool by_id() const { return relation == nullptr; }
  bool has_link() const {
    return relation != nullptr && relation->pivot && relation->pivot->has_link();
  }
};
/// By ids first, then by references to others, then by tables between the two.
std::vector<Way> ways_to(const Project& project, const model::Entity& entity);

/// Whether `expand=` knows anything of the entity's.
bool has_expansion(const model::Entity& entity);
/// Whether `expand=` leads there, or on from there.
bool is_expandable(const Project& project, const model::Entity& entity);

/// What routes say of relations.
void add_expansion(const Project& project, const model::Entity& entity, View& view);
/// The statements of a repository.
void add_related(const Project& project, const model::Entity& entity, View& view);
/// The ids in ?2, to stand behind IN, as each dialect reads them.
View key_texts(model::IdKind keys);
/// The header that declares what `expand=` leads through, where there is anything.
void add_expandables(const Project& project, std::vector<File>& files);
std::string expandables_header(const Project& project);

}  // namespace kitgen::render
