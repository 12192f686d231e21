// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kitgen/render/yaml_text.hpp"

namespace kitgen::render {

/// Schemas of answers that are the same in every service: a row's history, and why a request
/// failed.
void write_history_schemas(YamlText& yaml);
void write_status(YamlText& yaml);

}  // namespace kitgen::render
