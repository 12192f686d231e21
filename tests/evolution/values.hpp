// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tests/evolution/schema.hpp"
#include "tests/simulation/chance.hpp"

namespace evolution {

using simulation::Chance;

/// A value that the field allows, often one at a limit of it; never null.
Value random_value(Chance& chance, const Schema& schema, const Field& field);
/// One that the schema language can write as a default.
Value random_default(Chance& chance, const Schema& schema, const Field& field);
std::string random_uuid(Chance& chance);

/// Whether the database takes the value for the field.
bool is_allowed(const Schema& schema, const Field& field, const Value& value);

/// Whether kitgen says it can change the one into the other.
bool can_convert(const Field& from, const Field& to);
/// The value as one of another type, without a loss; nothing when that can not be. Null stays null.
std::optional<Value> convert(const Field& from, const Field& to, const Value& value);

/// Equal, or the same number written in another way.
bool is_same(const Value& a, const Value& b);

}  // namespace evolution
