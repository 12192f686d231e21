// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/base/function.hpp"
#include "kitgen/cli/renamed.hpp"
#include "kitgen/cli/root.hpp"
#include "kitgen/evolve/difference.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::cli {

struct EvolutionOptions {
  bool recreate = false;  ///< A single first migration; what was there before counts no more.
  bool allow_destructive = false;  ///< Data may be lost.
  std::string name;                ///< Of the migration; "": told by its changes.
  evolve::Decisions decisions;
  /// Of `server_dialects`: they get migrations from now on, in a folder each.
  std::vector<std::string> added_databases;
};

/// What the storage needs: files to be written with all others, all or nothing.
struct Evolution {
  std::vector<render::File> files;  ///< The new migration, if any, and the snapshot.
  std::string sql;                  ///< Of the new migration, for people; "" for none.
  std::vector<Renaming> renames;    ///< Entities that are called differently now.
};

/// Whether a person says that two are the same; asked only where there is somebody to answer.
using Ask = kit::FunctionRef<bool(const evolve::Question&)>;

/// Compares the schema with the project's snapshot and plans the migration between them. Fails with
/// `failed_precondition` and a text for people, with places in the schema, for what must not be
/// done: unanswered questions (`ask` is null), data that would be lost, rows without a value.
kit::Result<Evolution> evolve_storage(const Root& root, const model::Service& service,
                                      const EvolutionOptions& options, const Ask* ask);

}  // namespace kitgen::cli
