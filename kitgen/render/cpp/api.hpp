// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// Requests about many entities at once.
void add_bulk(const Project& project, const model::Entity& entity, std::vector<File>& files);
void add_json(const Project& project, const model::Entity& entity, std::vector<File>& files);

/// Whose services and routes an entity's routes work with, each once: sorted by place in the
/// schema, itself first.
std::vector<const model::Entity*> used_services(const Project& project,
                                                const model::Entity& entity);
std::vector<const model::Entity*> used_routes(const Project& project, const model::Entity& entity);

}  // namespace kitgen::render
