// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"

namespace kitgen::cli {

inline constexpr std::string_view manifest_path = ".kit/manifest.json";

/// How the generator treats a file it wrote.
enum class Keeping : std::uint8_t {
  generated,  ///< Rewritten on every run; nobody edits it.
  started,    ///< Written once; the project's own since.
  migration,  ///< Written once; the schema must not drift away from it.
};

struct Kept {
  std::string sha256;  ///< Of what the generator wrote; of a migration: of its statements alone.
  Keeping keeping = Keeping::generated;
};

/// What the last run wrote, by path: `.kit/manifest.json`, to be committed with the project.
struct Manifest {
  std::map<std::string, Kept> files;

  /// Fails with `data_loss` for a text that is none.
  static kit::Result<Manifest> parse(std::string_view text);
  std::string to_text() const;
};

}  // namespace kitgen::cli
