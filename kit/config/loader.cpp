// SPDX-License-Identifier: Apache-2.0
#include "kit/config/loader.hpp"

#include <algorithm>
#include <utility>

#include "kit/config/detail/layer.hpp"

namespace kit::config {

Loader::Loader(std::string prefix) : state_(std::make_unique<detail::State>()) {
  state_->prefix = std::move(prefix);
}
Loader::~Loader() = default;

Section Loader::section(std::string_view name) {
  return Section(*state_, "").section(name);
}

Result<> Loader::load(const Sources& sources) {
  std::vector<std::string> sources_before;
  for (const auto& field : state_->fields) {
    sources_before.push_back(std::exchange(field->source, ""));
    field->stage_default();
  }
  detail::Staging staging(*state_);
  staging.apply_files(sources);
  staging.apply_variables(sources);
  staging.apply_arguments(sources.arguments);
  staging.check_required();
  if (!staging.ok()) {
    for (std::size_t i = 0; i < sources_before.size(); ++i) {
      state_->fields[i]->source = std::move(sources_before[i]);
    }
    return std::move(staging).error();
  }
  for (const auto& field : state_->fields) field->commit();
  return {};
}

std::vector<KeyInfo> Loader::describe_all() const {
  std::vector<KeyInfo> all;
  for (const auto& field : state_->fields) {
    all.push_back({.key = field->path,
                   .type = field->type(),
                   .expected = field->expected(),
                   .default_text = field->default_text(),
                   .value = field->current_text(),
                   .exact = field->exact_text(),
                   .source = field->source.empty() ? "default" : field->source,
                   .variable = state_->variable_of(field->path),
                   .doc = field->doc,
                   .is_required = field->is_required});
  }
  return all;
}

std::string Loader::dump() const {
  auto all = describe_all();
  std::size_t width = 0;
  for (const KeyInfo& info : all) width = std::max(width, info.key.size() + info.value.size() + 2);
  width = std::min<std::size_t>(width, 60);
  std::string out;
  for (const KeyInfo& info : all) {
    std::string line = info.key + ": " + info.value;
    line.append(line.size() < width ? width - line.size() : 0, ' ');
    out.append(line).append("  # ").append(info.source).append("\n");
  }
  return out;
}

std::string Loader::help() const {
  std::string out;
  for (const KeyInfo& info : describe_all()) {
    out.append("  --").append(info.key).append("=").append(info.type);
    out.append("\n      ").append(info.doc);
    if (info.is_required) {
      out.append(" (required)");
    } else if (!info.default_text.empty()) {
      out.append(" (default ").append(info.default_text).append(")");
    }
    out.append("\n      ").append(info.expected).append("; ").append(info.variable).append("\n");
  }
  return out;
}

}  // namespace kit::config
