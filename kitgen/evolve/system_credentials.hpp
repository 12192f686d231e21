// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kitgen/evolve/catalogue.hpp"

/// The tables that kit/credentials works on (docs/adr/0042). Inner header of kitgen/evolve.
namespace kitgen::evolve::sql {

extern const SystemSql revocations;
extern const SystemSql refresh_tokens;
extern const SystemSql api_keys;

}  // namespace kitgen::evolve::sql
