// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/model/model.hpp"
#include "kitgen/render/yaml_text.hpp"

namespace kitgen::render {

/// The parts of a request that a schema describes.
enum class Shape : std::uint8_t {
  response,
  create,
  update,  ///< PUT
  patch,
};

/// Whether a field is part of that shape, and whether it must be given.
bool is_in(const model::Field& field, Shape shape);
bool is_required(const model::Field& field, Shape shape);

/// The query parameter of a filter: `country`, `created_at.gte`; `total.eq` where the bare name
/// means something else in every list.
std::string filter_parameter(const model::Field& field, const std::string& op);

/// What an answer has of an entity: its fields, then the computed ones.
/// Whether `expand=` may show null: there is none, or none that the caller sees.
bool may_be_null(const model::Service& service, const model::Relation& relation);
std::vector<model::Field> shown_fields(const model::Entity& entity);

/// One element of an array, as a field of its own.
model::Field element_of(const model::Field& array);

/// Writes what the type of one value is: type, format, limits; without a description.
void write_type(YamlText& yaml, const model::Service& service, const model::Field& field);

/// components/schemas: enums, entities in all shapes, lists, inputs of actions, Status.
void write_schemas(YamlText& yaml, const model::Service& service);

}  // namespace kitgen::render
