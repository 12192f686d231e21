// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/config/detail/yaml.hpp"
#include "kit/config/loader.hpp"

namespace kit::config::detail {

/// What a loader knows.
struct State {
  std::string prefix;
  std::vector<std::unique_ptr<FieldBase>> fields;  // sorted by path

  FieldBase* find(std::string_view path) const;
  /// Whether some setting lies below `path`.
  bool is_section(std::string_view path) const;
  /// The names right below `path` ("" for the top).
  std::vector<std::string_view> children(std::string_view path) const;
  std::string variable_of(std::string_view path) const;
};

/// Brings layers to the staged values of the fields and collects what is wrong with them.
class Staging {
 public:
  explicit Staging(State& state) : state_(state) {}

  void apply_files(const Sources& sources);
  void apply_variables(const Sources& sources);
  void apply_arguments(const std::vector<std::string>& arguments);
  void check_required();

  bool ok() const { return problems_.empty(); }
  Error error() &&;

 private:
  void apply_file(const std::string& path, bool must_exist);
  void apply_map(const std::string& file, const std::string& path, const YamlNode& map);
  void apply_node(const std::string& file, const std::string& path, const YamlNode::Member& member);
  void stage(FieldBase& field, const Raw& raw, std::string source, const std::string& where);
  void complain(const std::string& where, std::string key, std::string description);
  std::string suggestion(std::string_view path) const;
  std::string known_below(std::string_view path) const;

  State& state_;
  struct Problem {
    std::string where;
    FieldViolation violation;
  };
  std::vector<Problem> problems_;
};

}  // namespace kit::config::detail
