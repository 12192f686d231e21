// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kitgen/model/model.hpp"
#include "kitgen/render/cpp/template_set.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::render {

/// What every part of the C++ renderer works with.
struct Project {
  const model::Service& service;
  const Options& options;
  const TemplateSet& templates;

  /// "internal/biz/customer.gen.hpp"
  std::string path(std::string_view layer, std::string_view file) const;
  const model::Entity& target(const model::Relation& relation) const {
    return service.entities[relation.target];
  }
  /// A view with what every template may use.
  View view() const;
  View view(const model::Entity& entity) const;
  File generated(std::string_view layer, std::string_view file, std::string_view template_name,
                 const View& view) const;
  File started(std::string_view layer, std::string_view file, std::string_view template_name,
               const View& view) const;
};

/// The entity's variable in generated code: "media_type", or "the_page" where that name is one of
/// the code's own.
std::string variable(const model::Entity& entity);
std::string first_upper(std::string text);

View text_list(const std::vector<std::string>& lines);
View flag(bool value);
View doc_view(std::string_view doc, std::size_t indent);

/// `std::int32_t quantity = 1;`
std::string declaration(const model::Field& field, std::string_view qualifier = "");
/// Fields of the entity that are columns of its own table and written by `add`: all but
/// `deleted_at`.
std::vector<const model::Field*> stored_fields(const model::Entity& entity);
std::vector<std::string> column_names(const model::Entity& entity);
std::vector<const model::Relation*> relations(const model::Entity& entity,
                                              model::RelationKind kind);
/// A belongs_to and whose it is.
struct Referrer {
  const model::Entity& entity;
  const model::Relation& relation;
};
/// What becomes null when a row of the entity is deleted.
std::vector<Referrer> nulled_referrers(const Project& project, const model::Entity& entity);
/// The types of a field's values: <chrono>, "internal/biz/invoice_status.gen.hpp" ...
void add_type_includes(const Project& project, const model::Field& field,
                       std::vector<std::string>& standard, std::vector<std::string>& own);
bool has_events(const model::Service& service);
/// "kit::Task<std::vector<std::pair<TrackId, PlaylistTracksLink>>>"; `scope`: "biz::" or "".
std::string links_type(const model::Relation& relation, const model::Entity& target,
                       std::string_view scope);
/// Whether some relation of the entity has fields.
bool shows_links(const model::Entity& entity);
/// Whether some relation with fields leads to the entity: its lists can show them.
bool is_linked(const Project& project, const model::Entity& entity);
/// Whether some action of the entity is on one row, whose rule is a function of its own.
bool has_rules(const model::Entity& entity);
/// The foreign key of a column is checked at the end of a transaction only.
bool is_deferred(const Project& project, const model::Entity& entity, std::string_view column);
/// One of the entity's foreign keys is.
bool has_deferred(const Project& project, const model::Entity& entity);
/// Whether its import adds several rows together.
bool adds_batches(const model::Entity& entity);

/// The statements that write one member of a JSON object to `out`.
std::string write_lines(const model::Field& field, const std::string& value);

/// The type with the namespace of biz before schema types: biz::AlbumId, kit::Decimal.
std::string qualified(const model::Field& field);

}  // namespace kitgen::render
