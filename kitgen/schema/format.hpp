// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kitgen/schema/diagnostics.hpp"

namespace kitgen::schema {

/// The text of a schema in the usual layout: two blanks a level, one-line fields aligned, lines of
/// at most 120 characters where the text allows it. Comments, groups between blank lines and the
/// choice between {...} and blocks stay. The result is read again: it says the same, has the same
/// comments and would stay as it is, or nothing is returned. Errors go to `diagnostics`.
std::optional<std::string> format(const Source& source, Diagnostics& diagnostics);

}  // namespace kitgen::schema
