// SPDX-License-Identifier: Apache-2.0
#include "tests/evolution/random_schema.hpp"

#include <algorithm>
#include <array>

namespace evolution {
namespace {

constexpr std::size_t scalar_types = 21;

bool can_be_indexed(const Field& field) {
  return !field.is_array && field.type != Type::text && field.type != Type::json &&
         field.type != Type::bytes && field.type != Type::geo;
}

void add_fields(Chance& chance, Names& names, Entity& entity, const Schema& schema,
                Carried carried) {
  const std::size_t count = chance.between(1, 5);
  for (std::size_t i = 0; i < count; ++i)
    entity.fields.push_back(random_field(chance, names, schema, carried));
}

}  // namespace

std::string Names::field(Chance& chance, int uid) {
  static constexpr std::array<std::string_view, 4> words{"order", "group", "values", "index"};
  const std::string number = std::to_string(uid);
  if (chance.once_in(12))
    return std::string(words[chance.between(0, words.size() - 1)]) + "_" + number;
  return "field" + number;
}

bool can_be_unique(const Field& field) {
  const bool is_text_with_room = is_text(field.type) && field.high.value_or(255) >= 20;
  const bool has_room = is_text_with_room || (!field.low && !field.high);
  return can_be_indexed(field) && has_room && field.type != Type::boolean &&
         field.type != Type::enumeration;
}

void randomize_limits(Chance& chance, Field& field) {
  if (field.unique) return;
  field.low = field.high = std::nullopt;
  if (field.is_array || field.type == Type::enumeration) return;
  if (is_text(field.type) || field.type == Type::bytes) {
    if (is_text(field.type) && field.type != Type::string && field.type != Type::text) {
      if (chance.once_in(2)) field.high = static_cast<std::int64_t>(chance.between(40, 200));
      return;
    }
    if (chance.once_in(2)) field.high = static_cast<std::int64_t>(chance.between(3, 60));
    if (chance.once_in(4)) field.low = static_cast<std::int64_t>(chance.between(0, 3));
    return;
  }
  const bool is_whole =
      field.type == Type::int32 || field.type == Type::int64 || field.type == Type::decimal;
  if (!is_whole) return;
  if (chance.once_in(3)) field.low = -static_cast<std::int64_t>(chance.between(0, 9));
  if (chance.once_in(3)) field.high = static_cast<std::int64_t>(chance.between(1, 9));
}

void randomize_type(Chance& chance, Field& field, const Schema& schema, Carried carried) {
  do {
    field.type = static_cast<Type>(chance.between(0, scalar_types - 1));
  } while (field.type == Type::enumeration && schema.enums.empty());
  field.is_array = carried.arrays && chance.once_in(10);
  if (field.type == Type::decimal) {
    field.precision = static_cast<int>(chance.between(3, 12));
    field.scale = static_cast<int>(chance.between(0, 3));
  } else {
    field.precision = field.scale = 0;
  }
  field.is_money = field.type == Type::decimal && chance.once_in(3);
  field.currency = field.is_money && !chance.once_in(3) ? "EUR" : "";
  if (field.is_money || field.type == Type::file || field.type == Type::image ||
      field.type == Type::geo)
    field.is_array = false;
  field.enumeration = 0;
  if (field.type == Type::enumeration)
    field.enumeration = schema.enums[chance.between(0, schema.enums.size() - 1)].uid;
  field.low = field.high = std::nullopt;
  randomize_limits(chance, field);
  field.default_value.reset();
  field.backfill.reset();
  if (!can_be_unique(field)) field.unique = false;
}

Field random_field(Chance& chance, Names& names, const Schema& schema, Carried carried) {
  Field field;
  field.uid = names.next();
  field.name = names.field(chance, field.uid);
  randomize_type(chance, field, schema, carried);
  field.optional = chance.once_in(2);
  field.unique = can_be_unique(field) && chance.once_in(8);
  if (can_have_default(field) && chance.once_in(3) && !field.unique)
    field.default_value = random_default(chance, schema, field);
  return field;
}

Reference random_reference(Chance& chance, Names& names, const Schema& schema,
                           const Entity& owner) {
  Reference reference;
  reference.field.uid = names.next();
  reference.field.name = "ref" + std::to_string(reference.field.uid);
  reference.field.type = Type::id;
  const std::size_t last = schema.entities.size();
  const std::size_t pick = chance.between(0, last);
  reference.target = pick == last ? owner.uid : schema.entities[pick].uid;
  // A required reference to itself lets no first row in.
  reference.field.optional = reference.target == owner.uid || chance.once_in(2);
  const std::size_t action = chance.between(0, 2);
  reference.on_delete = action == 0   ? OnDelete::restrict_delete
                        : action == 1 ? OnDelete::cascade
                                      : OnDelete::set_null;
  if (reference.on_delete == OnDelete::set_null && !reference.field.optional)
    reference.on_delete = OnDelete::restrict_delete;
  reference.field.unique = chance.once_in(5);
  reference.has_one = chance.once_in(2);
  return reference;
}

Links random_links(Chance& chance, Names& names, const Schema& schema, Carried carried) {
  Links links;
  links.uid = names.next();
  links.name = "links" + std::to_string(links.uid);
  links.target = schema.entities[chance.between(0, schema.entities.size() - 1)].uid;
  if (carried.pivot_fields && chance.once_in(3))
    links.fields.push_back(random_field(chance, names, schema, carried));
  for (Field& field : links.fields) field.unique = false;
  return links;
}

void add_random_index(Chance& chance, Names& names, Entity& entity) {
  std::vector<int> able;
  std::vector<int> nullable;
  for (const Field& field : entity.fields) {
    if (can_be_indexed(field)) able.push_back(field.uid);
    if (field.optional && can_be_indexed(field)) nullable.push_back(field.uid);
  }
  for (const Reference& each : entity.references) able.push_back(each.field.uid);
  if (able.empty()) return;
  Index index;
  index.uid = names.next();
  const std::size_t count = std::min<std::size_t>(able.size(), chance.between(1, 2));
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::ptrdiff_t>(chance.between(0, able.size() - 1));
    index.fields.push_back(able[static_cast<std::size_t>(at)]);
    able.erase(able.begin() + at);
  }
  const Field* first = entity.find(index.fields.front());
  // One field that is unique has its index already.
  if (count == 1 && first != nullptr && first->unique) return;
  const bool has_room = std::ranges::all_of(index.fields, [&](int uid) {
    const Field* field = entity.find(uid);
    return field == nullptr || can_be_unique(*field);
  });
  index.unique = count == 2 && has_room && chance.once_in(3);
  if (!nullable.empty() && chance.once_in(4))
    index.where = nullable[chance.between(0, nullable.size() - 1)];
  const bool is_known = std::ranges::any_of(
      entity.indexes, [&](const Index& other) { return other.fields == index.fields; });
  if (!is_known) entity.indexes.push_back(std::move(index));
}

Entity random_entity(Chance& chance, Names& names, const Schema& schema, Carried carried) {
  Entity entity;
  entity.uid = names.next();
  entity.name = "Thing" + std::to_string(entity.uid);
  entity.is_uuid = chance.once_in(5);
  entity.soft_delete = chance.once_in(4);
  entity.version = chance.once_in(3);
  entity.has_event = chance.once_in(8);
  add_fields(chance, names, entity, schema, carried);
  const std::size_t references = chance.between(0, 2);
  for (std::size_t i = 0; i < references; ++i)
    entity.references.push_back(random_reference(chance, names, schema, entity));
  if (!schema.entities.empty() && chance.once_in(4))
    entity.links.push_back(random_links(chance, names, schema, carried));
  if (chance.once_in(2)) add_random_index(chance, names, entity);
  if (chance.once_in(3)) {
    const Field& field = entity.fields[chance.between(0, entity.fields.size() - 1)];
    if (field.type == Type::int64 && !field.is_array) entity.sort.push_back(field.uid);
  }
  return entity;
}

Schema random_schema(Chance& chance, Names& names, Carried carried) {
  Schema schema;
  const std::size_t enums = chance.between(0, 2);
  for (std::size_t i = 0; i < enums; ++i) {
    Enum each;
    each.uid = names.next();
    each.name = "Kind" + std::to_string(each.uid);
    const std::size_t values = chance.between(1, 4);
    for (std::size_t k = 0; k < values; ++k) {
      const int uid = names.next();
      each.values.push_back({uid, "value" + std::to_string(uid), ""});
    }
    schema.enums.push_back(std::move(each));
  }
  const std::size_t entities = chance.between(1, 4);
  for (std::size_t i = 0; i < entities; ++i)
    schema.entities.push_back(random_entity(chance, names, schema, carried));
  return schema;
}

void forget_past(Schema& schema) {
  const auto forget = [](Field& field) {
    field.renamed_from.clear();
    field.backfill.reset();
    field.backfill_from = 0;
    field.backfill_name.clear();
  };
  for (Entity& entity : schema.entities) {
    entity.renamed_from.clear();
    for (Field& field : entity.fields) forget(field);
    for (Reference& each : entity.references) forget(each.field);
    for (Links& links : entity.links) {
      links.renamed_from.clear();
      for (Field& field : links.fields) forget(field);
    }
  }
  for (Enum& each : schema.enums) {
    for (EnumValue& value : each.values) value.renamed_from.clear();
  }
}

}  // namespace evolution
