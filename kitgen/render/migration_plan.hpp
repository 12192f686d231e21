// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "kitgen/model/model.hpp"

namespace kitgen::render {

/// A table with its columns; `fields[i]` is what the schema says about column i (null for a pivot's
/// own columns without one).
struct CreateTable {
  const model::Table* table = nullptr;
  std::vector<const model::Field*> fields;
};

struct CreateIndex {
  const model::Table* table = nullptr;
  model::Index index;
};

/// kit_outbox: events that wait for their publication, written in the transaction of the change.
struct CreateOutbox {};

/// kit_history: who changed what in audited entities, written in the transaction of the change.
struct CreateHistory {};

using MigrationStep = std::variant<CreateTable, CreateIndex, CreateOutbox, CreateHistory>;

/// One migration without a dialect. Its way down is its steps undone in reverse.
/// Lifetime: points into the service it was made of.
struct MigrationPlan {
  int number = 1;
  std::string name;    ///< "create_store"
  std::string origin;  ///< The schema file, for the first line.
  const model::Service* service = nullptr;
  std::vector<MigrationStep> steps;

  std::string file_stem() const;  ///< "0001_create_store"
};

/// Everything of a service from nothing: parents before children, each table followed by its
/// indexes. To the schema's own indexes come those without which deleting a parent or a sorted page
/// would read the whole table: one per foreign key and per sort field that leads none yet.
MigrationPlan plan_first_migration(const model::Service& service);

}  // namespace kitgen::render
