// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kitgen/render/render.hpp"

namespace kitgen::render {

/// <output>/api/openapi.gen.yaml: the service as an OpenAPI 3.0.3 document, complete with
/// parameters, schemas, errors and examples.
kit::Result<std::vector<File>> render_openapi(const model::Service& service,
                                              const Options& options);

}  // namespace kitgen::render
