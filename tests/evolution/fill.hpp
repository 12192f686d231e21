// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/evolution/file.hpp"
#include "tests/evolution/values.hpp"

namespace evolution {

/// Rows that keep every rule of the schema: with gaps between ids, values at their limits, rows
/// that are deleted softly, references to any row.
Rows random_rows(Chance& chance, const Schema& schema, const Database& database);

/// Writes them, and leaves ids behind that were given to rows that are gone.
void insert(File& file, const Database& database, const Rows& rows, Chance& chance);

}  // namespace evolution
