// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/render/migration_plan.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::render {

/// The first migration of a service, up and down: migrations/0001_create_store.up.sql. Nothing
/// without the data layer (`Options::with_orm`).
kit::Result<std::vector<File>> render_migrations(const model::Service& service,
                                                 const Options& options);

/// A plan as SQLite 3.40 reads it: STRICT tables, checks for what the schema limits.
std::string sqlite_up(const MigrationPlan& plan);
std::string sqlite_down(const MigrationPlan& plan);

}  // namespace kitgen::render
