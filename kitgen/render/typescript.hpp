// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kitgen/render/render.hpp"

namespace kitgen::render {

/// clients/typescript/<service>.gen.ts: the types of the service and a small client on fetch,
/// without dependencies.
kit::Result<std::vector<File>> render_typescript(const model::Service& service,
                                                 const Options& options);

}  // namespace kitgen::render
