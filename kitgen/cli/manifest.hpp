// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"

namespace kitgen::cli {

inline constexpr std::string_view manifest_path = ".kit/manifest.json";
/// The text that the generator wrote last of each started file, under its path: what a merge starts
/// from. To be committed with the project.
inline constexpr std::string_view pristine_folder = ".kit/pristine/";
/// The same of generated files, on this machine only: it shows what a person changed in one.
inline constexpr std::string_view written_folder = ".kit/written/";

/// How the generator treats a file it wrote.
enum class Keeping : std::uint8_t {
  generated,  ///< Rewritten on every run; nobody edits it.
  started,    ///< The project's own since it was written; later changes are merged into it.
  migration,  ///< Written once; the schema must not drift away from it.
  deleted,    ///< Started, but the person removed it: it stays away.
};

struct Kept {
  /// Of what the generator wrote last, whatever stands there; of a migration: of its statements
  /// alone.
  std::string sha256;
  Keeping keeping = Keeping::generated;
};

/// What the last run wrote, by path: `.kit/manifest.json`, to be committed with the project.
struct Manifest {
  std::string project;  ///< The name `kitgen new` was given; "" for a project it did not start.
  std::string schema;   ///< What everything follows from; "" for a project of kitgen 0.1.
  std::string output;   ///< The folder of the layers; "" likewise.
  std::map<std::string, Kept> files;

  /// Fails with `data_loss` for a text that is none.
  static kit::Result<Manifest> parse(std::string_view text);
  std::string to_text() const;
};

}  // namespace kitgen::cli
