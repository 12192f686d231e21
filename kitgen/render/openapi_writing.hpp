// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/model/model.hpp"
#include "kitgen/render/yaml_text.hpp"

namespace kitgen::render {

/// The paths of requests about many entities at once.
void write_bulk(YamlText& yaml, const model::Entity& entity);
/// The answers and parameters that all of them share.
void write_transfer_answers(YamlText& yaml);
void write_transfer_bodies(YamlText& yaml);
void write_transfer_parameters(YamlText& yaml);
void write_transfers(YamlText& yaml, const model::Entity& entity);
/// What they take and answer, among the schemas.
void write_row_schemas(YamlText& yaml);
void write_bulk_schemas(YamlText& yaml, const model::Entity& entity);

/// What POST takes with the entity, and answers.
void write_nested_schemas(YamlText& yaml, const model::Service& service,
                          const model::Entity& entity);
/// The members of `<Entity>Create` for lists that come with it.
void write_nested_members(YamlText& yaml, const model::Entity& entity);
/// What an item of such a list takes: `InvoiceLinesCreate`.
std::string nested_item(const model::Entity& entity, const model::Relation& relation);
std::vector<model::Field> nested_fields(const model::Entity& target,
                                        const model::Relation& relation);
/// The schema of the answer to POST.
std::string created_schema(const model::Entity& entity);

}  // namespace kitgen::render
