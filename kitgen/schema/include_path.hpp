// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kitgen::schema {

/// `path` as the file `from` says it, from the schema's folder on: "../enums.yaml" in
/// "sales/x.yaml" is "enums.yaml". Nothing, with the reason in `why`, when it is no path that a
/// schema may include.
std::optional<std::string> resolve_include(std::string_view path, std::string_view from,
                                           std::string& why);

/// The folder of a path: "sales" of "sales/x.yaml", "" of "x.yaml".
std::string_view folder_of(std::string_view path);

bool is_pattern(std::string_view path);
/// Whether a file's name is one that `pattern`, where `*` stands for any text, means; a name that
/// starts with a point only where the pattern does.
bool matches(std::string_view pattern, std::string_view name);

}  // namespace kitgen::schema
