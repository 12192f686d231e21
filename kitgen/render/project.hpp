// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/render/render.hpp"

namespace kitgen::render {

/// The files a new project starts with: schema, build, configuration, checks; all of them started,
/// none generated. What follows from the schema is `kitgen generate`'s.
/// `name` is a snake_case identifier and no reserved word.
std::vector<File> render_project(const std::string& name);

/// main.cpp of a service: started once, then the project's own.
std::string main_cpp(const std::string& name);

}  // namespace kitgen::render
