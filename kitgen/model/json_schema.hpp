// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kitgen::model {

/// The schema language as a JSON Schema (draft 7, which editors read), for completion, hover texts
/// and early errors. It cannot say everything `load_file` checks: what it refuses is wrong, what it
/// takes may still be.
std::string json_schema();

}  // namespace kitgen::model
