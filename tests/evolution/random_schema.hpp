// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/evolution/schema.hpp"
#include "tests/evolution/values.hpp"

namespace evolution {

/// What this version of the generator can carry.
struct Carried {
  bool arrays = true;
  bool pivot_fields = true;
};

/// Gives numbers and names that nothing had before.
class Names {
 public:
  int next() { return ++last_; }
  /// "field12": now and then a word that SQL knows.
  std::string field(Chance& chance, int uid);

 private:
  int last_ = 0;
};

Schema random_schema(Chance& chance, Names& names, Carried carried);

Field random_field(Chance& chance, Names& names, const Schema& schema, Carried carried);
/// Another type, with limits that go with it.
void randomize_type(Chance& chance, Field& field, const Schema& schema, Carried carried);
void randomize_limits(Chance& chance, Field& field);
/// Whether it has room for as many values as there may be rows: kitgen has to make some up on the
/// way down.
bool can_be_unique(const Field& field);
Reference random_reference(Chance& chance, Names& names, const Schema& schema, const Entity& owner);
Links random_links(Chance& chance, Names& names, const Schema& schema, Carried carried);
Entity random_entity(Chance& chance, Names& names, const Schema& schema, Carried carried);
/// Nothing when no field can have one.
void add_random_index(Chance& chance, Names& names, Entity& entity);

/// One change of a schema, the same for the same seed. Returns what it did, for people.
std::string edit(Schema& schema, Names& names, std::uint64_t seed, Carried carried);

/// What an evolved schema no longer says about its past.
void forget_past(Schema& schema);

}  // namespace evolution
