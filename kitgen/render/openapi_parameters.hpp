// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/model/model.hpp"
#include "kitgen/render/yaml_text.hpp"

namespace kitgen::render {

/// Names of the relations that `expand=` begins with.
std::vector<std::string> expandable(const model::Entity& entity);

/// The shared parameters of the document, `#/components/parameters`.
void write_parameters(YamlText& yaml, const model::Service& service);

/// References to them, inside an open list or as one.
void use_parameter(YamlText& yaml, const std::string& name);
void use_parameters(YamlText& yaml, const std::vector<std::string>& names);
/// `has_path`: a list below another entity, whose filters are those of the entity's own list.
void use_list_parameters(YamlText& yaml, const model::Entity& entity, bool has_path = false);

/// The parameter of a path that is the id of the entity.
void write_id_parameter(YamlText& yaml, const std::string& name, const model::Entity& entity);

}  // namespace kitgen::render
