// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kitgen::evolve {

inline constexpr std::string_view snapshot_path = ".kit/schema.json";

/// What the migrations up to number `migration` lead to: `.kit/schema.json`, committed with the
/// project.
struct Snapshot {
  int migration = 0;
  Catalogue catalogue;

  /// Strict: an unknown key or type, a name that is none, a reference to nothing, text where SQL
  /// only allows a literal. Fails with `data_loss`, naming the file and what to do.
  static kit::Result<Snapshot> parse(std::string_view text);
  /// Sorted, one thing a line: merges of two branches conflict only where both changed one.
  std::string to_text() const;
};

}  // namespace kitgen::evolve
