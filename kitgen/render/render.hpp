// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/model/model.hpp"

namespace kitgen::render {

/// Whose a file is: generated ones are rewritten on every run, started ones are the project's own,
/// and later changes are merged into them.
enum class Ownership : std::uint8_t { generated, started };

/// A file of the project, not yet written.
struct File {
  std::string
      path;  ///< Relative to the project, with forward slashes: "internal/biz/customer.gen.hpp".
  std::string text;
  Ownership ownership = Ownership::generated;
  bool is_executable = false;
};

struct Options {
  std::string output = "internal";  ///< Folder of the layers, relative to the project.
  bool with_orm = true;             ///< The data layer and its migrations.
  bool all = false;                 ///< Everything this version can write.
};

/// The four layers in C++. Files sorted by path; the same model gives the same bytes.
/// What the routes look like, for the other renderers:
///   GET    {path}                 filters `field`, `field.op`; sort, limit, cursor, total, search,
///   expand (paths of relations) POST   {path}                 201, Location, ETag GET {path}/{id}
///   ETag, If-None-Match -> 304; expand PUT    {path}/{id}            If-Match; 200 PATCH
///   {path}/{id}            If-Match; application/merge-patch+json or application/json; 200 DELETE
///   {path}/{id}            If-Match; 204 POST   {restore_path}         soft-deleting entities; 200
///   POST   {action.path}          200 with the output entity, or 204
///   GET    {path}/{id}/{has_many} the target's list with a fixed filter; has_one: the one, or 404
///   GET    {path}/{id}/{many_to_many}               the target's list
///   PUT    {path}/{id}/{many_to_many}/{target_id}   204, whether it was linked before or not
///   DELETE {path}/{id}/{many_to_many}/{target_id}   204; 404 when it was not linked
kit::Result<std::vector<File>> render_cpp(const model::Service& service, const Options& options);

/// "/api/v1/customers/{id}:restore", written like the paths of actions.
std::string restore_path(const model::Entity& entity);
std::string purge_path(const model::Entity& entity);
std::string history_path(const model::Entity& entity);
/// Whether the rows of the entity can be exported: its schema says what the columns are, and none
/// is secret.
bool has_export(const model::Entity& entity);
/// Whether they can be imported too: no access rules have to be kept.
bool has_transfers(const model::Entity& entity);

}  // namespace kitgen::render
