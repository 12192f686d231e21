// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::cli {

/// Everything that follows from a schema, with the layers in the folder `output`.
kit::Result<std::vector<render::File>> render_all(const model::Service& service,
                                                  const std::string& output);

}  // namespace kitgen::cli
