// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kitgen/model/model.hpp"
#include "kitgen/schema/diagnostic.hpp"
#include "kitgen/schema/include.hpp"

namespace kitgen::model {

/// Outcome of reading a schema: a service when there was no error; warnings may come with it.
struct Loaded {
  std::optional<Service> service;
  std::vector<schema::Diagnostic> diagnostics;  ///< Sorted by place.
};

/// Reads and checks the schema in a file and the files it includes: every error of them at once. A
/// missing, unreadable or too large file (1 MiB) is a diagnostic too.
Loaded load_file(const std::string& path);

/// The same for text in memory; `file` is what messages call it, `files` has what it includes.
Loaded load_text(std::string_view text, std::string_view file);
Loaded load_text(std::string_view text, std::string_view file, const schema::Files& files);

/// A stable, complete, readable text of the model, for goldens and `kitgen generate --dump-model`.
std::string dump(const Service& service);

}  // namespace kitgen::model
