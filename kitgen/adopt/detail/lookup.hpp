// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kitgen/adopt/detail/proposal.hpp"

/// Finding things by the names a database uses for them; case counts only where it has to. Null
/// when there is none. Inner header of kitgen/adopt.
namespace kitgen::adopt {

const Table* find_table(const Catalogue& catalogue, const std::string& name);
const Column* find_column(const Table& table, const std::string& name);
Entity* find_entity(Proposal& proposal, const std::string& table_name);
/// The field that carries a column.
Item* find_field(Entity& entity, const std::string& column);
/// The name a column has in the schema's list of columns: a field, "id" or "artist_id".
std::string* find_name(Entity& entity, const std::string& column);

}  // namespace kitgen::adopt
