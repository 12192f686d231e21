// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/model.hpp"

#include <algorithm>

namespace kitgen::model {
namespace {

template <class T>
const T* by_name(const std::vector<T>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &T::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::string_view sql_name(OnDelete action) {
  switch (action) {
    case OnDelete::cascade:
      return "CASCADE";
    case OnDelete::set_null:
      return "SET NULL";
    case OnDelete::restrict_delete:
      break;
  }
  return "RESTRICT";
}

std::vector<const Field*> Pivot::link_fields() const {
  std::vector<const Field*> all;
  for (std::size_t i = 2; i < fields.size(); ++i) all.push_back(&fields[i]);
  return all;
}

const Field* Entity::find_field(std::string_view field_name) const {
  return by_name(fields, field_name);
}
const Relation* Entity::find_relation(std::string_view relation_name) const {
  return by_name(relations, relation_name);
}
std::string Service::file_of(const Entity& entity) const {
  if (entity.file.empty()) return schema_file;
  return schema_file.substr(0, schema_file.rfind('/') + 1) + entity.file;
}

std::vector<const Relation*> Entity::nested_lists() const {
  std::vector<const Relation*> lists;
  for (const Relation& relation : relations) {
    if (relation.nested_max > 0) lists.push_back(&relation);
  }
  return lists;
}
std::vector<std::string> Service::subscribers_of(const Event& event) const {
  std::vector<std::string> names;
  for (const Subscriber& each : subscribers) {
    if (&entities[each.entity].events[each.event] == &event) names.push_back(each.name);
  }
  return names;
}

const Entity* Service::find_entity(std::string_view entity_name) const {
  return by_name(entities, entity_name);
}
const Table* Service::find_table(std::string_view table_name) const {
  return by_name(tables, table_name);
}

}  // namespace kitgen::model
