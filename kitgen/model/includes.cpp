// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>

#include "kitgen/model/detail/context.hpp"

namespace kitgen::model {
namespace {

struct Needs {
  std::set<std::string> std_headers;
  std::set<std::string> kit_headers;
  std::set<std::size_t> enums;
  std::set<std::size_t> entities;

  void add_scalar(const Field& field) {
    switch (field.type) {
      case Scalar::string:
      case Scalar::text:
      case Scalar::email:
      case Scalar::url:
      case Scalar::json:
      case Scalar::bytes:
        std_headers.insert("string");
        break;
      case Scalar::int32:
      case Scalar::int64:
        std_headers.insert("cstdint");
        break;
      case Scalar::decimal:
        kit_headers.insert("kit/base/decimal.hpp");
        break;
      case Scalar::date:
      case Scalar::time:
      case Scalar::timestamp:
        kit_headers.insert("kit/base/time.hpp");
        break;
      case Scalar::duration:
        std_headers.insert("chrono");
        break;
      case Scalar::uuid:
        kit_headers.insert("kit/base/uuid.hpp");
        break;
      case Scalar::enumeration:
        enums.insert(field.enum_index);
        break;
      case Scalar::id:
        kit_headers.insert("kit/base/id.hpp");
        entities.insert(field.id_entity);
        break;
      case Scalar::boolean:
      case Scalar::float32:
      case Scalar::float64:
        break;
    }
  }

  void add(const Field& field) {
    add_scalar(field);
    if (field.optional) std_headers.insert("optional");
    if (field.is_array) std_headers.insert("vector");
  }
};

}  // namespace

void collect_includes(Service& service) {
  for (std::size_t i = 0; i < service.entities.size(); ++i) {
    Entity& entity = service.entities[i];
    Needs needs;
    if (entity.id_kind == IdKind::uuid) needs.kit_headers.insert("kit/base/uuid.hpp");
    for (const Field& field : entity.fields) needs.add(field);
    for (const ComputedField& each : entity.computed) {
      needs.add_scalar(each.field);
      needs.kit_headers.insert("kit/base/compute.hpp");
    }
    for (const Relation& relation : entity.relations) {
      if (!relation.pivot) continue;
      for (const Field* field : relation.pivot->link_fields()) needs.add(*field);
    }
    for (const Action& action : entity.actions) {
      for (const Field& field : action.input) needs.add(field);
      for (const Field& field : action.result) needs.add(field);
    }
    for (const Event& event : entity.events) {
      for (const EventField& field : event.fields) needs.add(field.field);
    }
    needs.entities.erase(i);
    for (const std::size_t other : needs.entities) {
      if (service.entities[other].id_kind == IdKind::uuid)
        needs.kit_headers.insert("kit/base/uuid.hpp");
    }
    entity.std_includes.assign(needs.std_headers.begin(), needs.std_headers.end());
    entity.kit_includes.assign(needs.kit_headers.begin(), needs.kit_headers.end());
    entity.enums.assign(needs.enums.begin(), needs.enums.end());
    entity.id_types.assign(needs.entities.begin(), needs.entities.end());
  }
}

}  // namespace kitgen::model
