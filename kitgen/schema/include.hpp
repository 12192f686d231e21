// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/schema/syntax.hpp"

namespace kitgen::schema {

inline constexpr std::size_t max_files = 200;
inline constexpr std::size_t max_include_depth = 8;

/// The folder of a schema, where the files that it includes are. Paths are relative to it, with
/// forward slashes, and never have a `..` in them.
class Files {
 public:
  virtual ~Files() = default;
  /// The text of a file. Fails with `not_found`, `permission_denied`, `resource_exhausted` (more
  /// than 1 MiB) and the like; the message goes into a diagnostic.
  virtual kit::Result<std::string> read(const std::string& path) const = 0;
  /// Names of the files in a folder, sorted; "" is the schema's own.
  virtual kit::Result<std::vector<std::string>> list(const std::string& folder) const = 0;
};

/// Files below a real folder. A symbolic link that leads out of it is refused.
class FolderFiles final : public Files {
 public:
  explicit FolderFiles(std::string folder) : folder_(std::move(folder)) {}
  kit::Result<std::string> read(const std::string& path) const override;
  kit::Result<std::vector<std::string>> list(const std::string& folder) const override;

 private:
  std::string folder_;  ///< "" for the current one.
};

/// For a schema that is only a text: it can include nothing.
class NoFiles final : public Files {
 public:
  kit::Result<std::string> read(const std::string& path) const override;
  kit::Result<std::vector<std::string>> list(const std::string& folder) const override;
};

/// Reads a schema and the files it includes, which stand in front of what it says itself, in the
/// order of its list, each once; the files of a pattern are sorted. All of them together may have 1
/// MiB and 50 000 nodes. What could be read is returned even when there were errors, so that later
/// checks find the rest of them; nothing only when the schema's own YAML could not be read.
/// `sources` holds the schema's source and gets the others. Lifetime: `sources` outlives
/// `diagnostics`, which points into it.
std::optional<Schema> read_schema(std::deque<Source>& sources, const Files& files,
                                  Diagnostics& diagnostics);

}  // namespace kitgen::schema
