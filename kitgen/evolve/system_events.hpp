// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kitgen/evolve/catalogue.hpp"

/// The tables that kit/outbox works on (docs/adr/0031). Inner header of kitgen/evolve.
namespace kitgen::evolve::sql {

extern const SystemSql outbox;
extern const SystemSql inbox;
/// The outbox before it had a relay, and the ways between the two. A program of before goes on
/// while the new one starts: whatever it leaves out has a default.
extern const SystemSql outbox_before;
extern const SystemSql outbox_up;
extern const SystemSql outbox_down;

}  // namespace kitgen::evolve::sql
