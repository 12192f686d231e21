// SPDX-License-Identifier: Apache-2.0
#include "kit/config/section.hpp"

#include <algorithm>

#include "kit/base/assert.hpp"
#include "kit/config/detail/layer.hpp"

namespace kit::config {
namespace {

/// Lower case with underscores, which leaves one way to spell the environment variable.
bool is_setting_name(std::string_view name) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, fits);
}

}  // namespace

Section Section::section(std::string_view name) {
  KIT_ASSERT(is_setting_name(name), "the name of a section is lower_case");
  return Section(state_, path_.empty() ? std::string(name) : path_ + "." + std::string(name));
}

void Section::add(std::string_view name, std::string_view doc,
                  std::unique_ptr<detail::FieldBase> field) {
  KIT_ASSERT(is_setting_name(name), "the name of a setting is lower_case");
  field->path = path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  field->doc = doc;
  const std::string variable = state_.variable_of(field->path);
  for (const auto& other : state_.fields) {
    KIT_ASSERT(state_.variable_of(other->path) != variable,
               "two settings with one name, or with one environment variable");
  }
  auto after = std::ranges::upper_bound(state_.fields, field->path, {}, &detail::FieldBase::path);
  state_.fields.insert(after, std::move(field));
}

}  // namespace kit::config
