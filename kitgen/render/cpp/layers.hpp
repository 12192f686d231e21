// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// Each adds the files of one layer.
void add_biz(const Project& project, std::vector<File>& files);
void add_data(const Project& project, std::vector<File>& files);
void add_service(const Project& project, std::vector<File>& files);
void add_api(const Project& project, std::vector<File>& files);
/// Functions of people that get events, and what calls them.
void add_subscribers(const Project& project, std::vector<File>& files);
/// What main() calls: all layers put together.
void add_wiring(const Project& project, std::vector<File>& files);

/// The body of a `validate` for these fields of `value`, with its braces; "{}" when there is
/// nothing to check.
struct Validation {
  std::string body;
  bool uses_value = false;
  bool uses_pattern = false;
  std::vector<const model::Field*> fields;  ///< That are checked.
};
Validation validation(const std::vector<const model::Field*>& fields, std::string_view variable,
                      std::span<const model::ComputedField> computed = {});

/// The functions that work out what is not stored, of add_biz.
View computed_views(const model::Entity& entity);

/// Parts of the import files, of add_data.
void add_imports(const Project& project, std::vector<File>& files);
/// The call that reads or writes the value of a field: `read(x)`, `read_decimal(x, 2)`,
/// `add_bytes(x)`.
std::string row_call(const model::Field& field, std::string_view verb, const std::string& value);
/// The columns, parameters and conflict clause of the statement that links two rows.
void add_link_sql(const model::Pivot& pivot, View& view);

}  // namespace kitgen::render
