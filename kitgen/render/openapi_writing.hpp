// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kitgen/model/model.hpp"
#include "kitgen/render/yaml_text.hpp"

namespace kitgen::render {

/// The paths of requests about many entities at once.
void write_bulk(YamlText& yaml, const model::Entity& entity);
/// What they take and answer, among the schemas.
void write_bulk_schemas(YamlText& yaml, const model::Entity& entity);

}  // namespace kitgen::render
