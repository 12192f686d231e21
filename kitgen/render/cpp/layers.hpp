// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// Each adds the files of one layer.
void add_biz(const Project& project, std::vector<File>& files);
void add_data(const Project& project, std::vector<File>& files);
void add_service(const Project& project, std::vector<File>& files);
void add_api(const Project& project, std::vector<File>& files);
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
Validation validation(const std::vector<const model::Field*>& fields, std::string_view variable);

/// Parts of the import files, of add_data.
void add_imports(const Project& project, std::vector<File>& files);
/// The call that reads or writes the value of a field: `read(x)`, `read_decimal(x, 2)`,
/// `add_bytes(x)`.
std::string row_call(const model::Field& field, std::string_view verb, const std::string& value);
/// The statements that write one member of a JSON object.
std::string write_lines(const model::Field& field, const std::string& value);

}  // namespace kitgen::render
