// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// What a repository keeps of the history of its rows, and what the removal of one does to others.
void add_history(const Project& project, const model::Entity& entity, View& view);
/// What the history says of a link of a many_to_many relation.
void add_link_changes(const model::Relation& relation, View& pivot);
/// Whether the removal of a row is in the history of others.
bool has_audited_referrer(const Project& project, const model::Entity& entity);

}  // namespace kitgen::render
