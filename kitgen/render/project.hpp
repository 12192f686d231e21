// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/render/render.hpp"

namespace kitgen::render {

/// The files a new project starts with: schema, build, configuration, checks; all of them started,
/// none generated. What follows from the schema is `kitgen generate`'s.
/// `name` is that of the program, its settings and databases; `service` that of the schema, which
/// may change later. Both are snake_case identifiers and no reserved words.
std::vector<File> render_project(const std::string& name, const std::string& service);

}  // namespace kitgen::render
