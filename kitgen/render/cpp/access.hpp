// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// The access rules of an entity that has some.
void add_access(const Project& project, const model::Entity& entity, std::vector<File>& files);
std::string access_header(const Project& project, const model::Entity& entity);
bool has_field_access(const model::Entity& entity);
/// Whose a row is, for each rule about rows: SQL without parameters.
std::vector<std::string> row_owners(const Project& project, const model::Entity& entity);
bool has_row_access(const model::Entity& entity);

}  // namespace kitgen::render
