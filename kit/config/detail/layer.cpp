// SPDX-License-Identifier: Apache-2.0
#include "kit/config/detail/layer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "kit/base/text.hpp"

namespace kit::config::detail {
namespace {

std::string joined(std::string_view path, std::string_view name) {
  std::string out(path);
  return out.append(path.empty() ? "" : ".").append(name);
}

/// A name from outside, fit for a message.
std::string shown(std::string_view name) {
  Raw raw;
  raw.text = name;
  return raw.shown();
}

/// What a node says, when a setting can hold it: lists and maps of texts. Otherwise nothing.
std::optional<Raw> raw_of(const YamlNode& node) {
  Raw raw;
  switch (node.kind) {
    case YamlNode::Kind::text:
      raw.text = node.text;
      return raw;
    case YamlNode::Kind::empty:
      raw.kind = Raw::Kind::empty;
      return raw;
    case YamlNode::Kind::list:
      raw.kind = Raw::Kind::list;
      for (const YamlNode& item : node.items) {
        if (item.kind != YamlNode::Kind::text) return std::nullopt;
        raw.items.push_back(item.text);
      }
      return raw;
    case YamlNode::Kind::map:
      raw.kind = Raw::Kind::map;
      for (const YamlNode::Member& member : node.members) {
        if (member.value.kind != YamlNode::Kind::text) return std::nullopt;
        raw.members.emplace_back(member.name, member.value.text);
      }
      return raw;
  }
  return std::nullopt;
}

/// Variables Kubernetes sets in every pod for a service that happens to be named like our prefix.
bool is_kubernetes_link(std::string_view rest) {
  return rest == "SERVICE_HOST" || rest.starts_with("SERVICE_PORT") || rest == "PORT" ||
         (rest.starts_with("PORT_") &&
          (rest.find("_TCP") != rest.npos || rest.find("_UDP") != rest.npos));
}

}  // namespace

FieldBase* State::find(std::string_view path) const {
  for (const auto& field : fields) {
    if (field->path == path) return field.get();
  }
  return nullptr;
}

bool State::is_section(std::string_view path) const {
  return !children(path).empty();
}

std::vector<std::string_view> State::children(std::string_view path) const {
  std::vector<std::string_view> names;
  for (const auto& field : fields) {
    std::string_view rest = field->path;
    if (!path.empty()) {
      if (!rest.starts_with(path) || rest.size() <= path.size() || rest[path.size()] != '.')
        continue;
      rest.remove_prefix(path.size() + 1);
    }
    std::string_view child = rest.substr(0, rest.find('.'));
    if (std::ranges::find(names, child) == names.end()) names.push_back(child);
  }
  return names;
}

std::string State::variable_of(std::string_view path) const {
  std::string out = prefix + "_";
  for (char c : path) {
    out.push_back(c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c);
  }
  return out;
}

void Staging::complain(const std::string& where, std::string key, std::string description) {
  problems_.push_back({where, {std::move(key), std::move(description)}});
}

Error Staging::error() && {
  std::string message = problems_.size() == 1 ? "the configuration has a problem:"
                                              : "the configuration has " +
                                                    std::to_string(problems_.size()) + " problems:";
  std::vector<FieldViolation> violations;
  for (Problem& problem : problems_) {
    message.append("\n  ").append(problem.where).append(": ");
    if (!problem.violation.field.empty()) message.append(problem.violation.field).append(" ");
    message.append(problem.violation.description);
    violations.push_back(std::move(problem.violation));
  }
  return Error(Code::invalid_argument, std::move(message)).with_violations(std::move(violations));
}

/// For a key nobody declared: the neighbour that was meant, or the section in which there is such a
/// name.
std::string Staging::suggestion(std::string_view path) const {
  auto dot = path.rfind('.');
  std::string_view parent = dot == path.npos ? std::string_view() : path.substr(0, dot);
  std::string_view name = dot == path.npos ? path : path.substr(dot + 1);
  if (std::ranges::find(state_.fields, path, [](const auto& field) {
        return std::string_view(field->path);
      }) != state_.fields.end()) {
    const std::size_t point = path.find('.');
    return " (write it nested: '" + std::string(path.substr(0, point)) + ":', and '" +
           std::string(path.substr(point + 1)) + ":' indented under it)";
  }
  auto siblings = state_.children(parent);
  if (auto sibling = nearest(name, siblings)) {
    return " (did you mean '" + joined(parent, *sibling) + "'?)";
  }
  std::vector<std::string_view> paths;
  std::vector<std::string_view> namesakes;
  for (const auto& field : state_.fields) {
    paths.push_back(field->path);
    if (field->path.ends_with("." + std::string(name))) namesakes.push_back(field->path);
  }
  const auto closest = std::ranges::min_element(
      namesakes, {}, [path](std::string_view known) { return edit_distance(path, known); });
  if (closest != namesakes.end()) return " (did you mean '" + std::string(*closest) + "'?)";
  if (std::string near = did_you_mean(path, paths); !near.empty()) return near;
  return known_below(parent);
}

std::string Staging::known_below(std::string_view path) const {
  constexpr std::size_t listed = 12;
  auto names = state_.children(path);
  if (names.empty()) return "";
  std::string known = " (known here: ";
  for (std::size_t i = 0; i < names.size() && i < listed; ++i) {
    known.append(i == 0 ? "" : ", ").append(names[i]);
  }
  return known.append(names.size() > listed ? " ...)" : ")");
}

void Staging::stage(FieldBase& field, const Raw& raw, std::string source,
                    const std::string& where) {
  if (raw.kind == Raw::Kind::empty) {
    complain(where, field.path,
             "has no value: must be " + field.expected() + "; leave the line out for the default");
  } else if (!field.stage(raw)) {
    std::string found = field.is_secret ? "which the value given is not" : "is " + raw.shown();
    complain(where, field.path, "must be " + field.expected() + ", " + found);
  } else {
    field.source = std::move(source);
  }
}

void Staging::apply_files(const Sources& sources) {
  if (sources.directory.empty()) return;
  apply_file(sources.directory + "/base.yaml", false);
  if (sources.environment.empty()) return;
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (!std::ranges::all_of(sources.environment, fits)) {
    return complain(
        "environment " + shown(sources.environment), "",
        "cannot be used: its name is part of a file name, letters, digits, - and _ only");
  }
  apply_file(sources.directory + "/" + sources.environment + ".yaml", true);
}

void Staging::apply_file(const std::string& path, bool must_exist) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int reason = errno;
    if (reason != ENOENT) {
      complain(path, "", std::string("cannot be read: ") + std::strerror(reason));
    } else if (must_exist) {
      complain(path, "", "there is no such file: make it, or name another environment");
    }
    return;
  }
  std::string text(max_yaml_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return complain(path, "", "cannot be read");
  auto root = read_yaml(path, text);
  if (!root) {
    // The message starts with the place already.
    std::string_view message = root.error().message();
    auto end_of_place = message.find(": ", path.size());
    return complain(std::string(message.substr(0, end_of_place)), "",
                    std::string(message.substr(end_of_place + 2)));
  }
  apply_map(path, "", *root);
}

void Staging::apply_map(const std::string& file, const std::string& path, const YamlNode& map) {
  for (const YamlNode::Member& member : map.members) {
    apply_node(file, joined(path, member.name), member);
  }
}

void Staging::apply_node(const std::string& file, const std::string& path,
                         const YamlNode::Member& member) {
  auto place = [&](Position position) {
    return file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  };
  const std::string where = place(member.position);
  const bool is_path = member.name.find('.') == std::string::npos;
  if (FieldBase* field = is_path ? state_.find(path) : nullptr) {
    auto raw = raw_of(member.value);
    if (!raw) {
      return complain(where, field->path,
                      "must be " + field->expected() + ", without lists or mappings inside");
    }
    const bool is_empty = raw->kind == Raw::Kind::empty;
    return stage(*field, *raw, where, is_empty ? where : place(member.value.position));
  }
  if (is_path && state_.is_section(path)) {
    if (member.value.kind == YamlNode::Kind::map) return apply_map(file, path, member.value);
    if (member.value.kind == YamlNode::Kind::empty) return;
    return complain(where, path,
                    "must be a mapping with the settings of this section" + known_below(path));
  }
  complain(where, "", "unknown key " + shown(path) + suggestion(path));
}

void Staging::apply_variables(const Sources& sources) {
  const std::string start = state_.prefix + "_";
  std::vector<std::string> names;
  for (const auto& field : state_.fields) names.push_back(state_.variable_of(field->path));
  std::vector<std::string_view> candidates(names.begin(), names.end());
  for (const std::string& variable : sources.variables) {
    if (!variable.starts_with(start)) continue;
    std::string name = variable.substr(0, variable.find('='));
    if (std::ranges::find(sources.foreign_variables, name) != sources.foreign_variables.end())
      continue;
    auto known = std::ranges::find(names, name);
    const std::string where = "environment variable " + (is_utf8(name) ? name : std::string("?"));
    if (known == names.end()) {
      if (is_kubernetes_link(std::string_view(name).substr(start.size()))) continue;
      complain(where, "", "is no setting" + did_you_mean(name, candidates));
      continue;
    }
    FieldBase& field = *state_.fields[static_cast<std::size_t>(known - names.begin())];
    Raw raw;
    raw.is_one_line = true;
    raw.text = name.size() < variable.size() ? variable.substr(name.size() + 1) : "";
    if (!is_utf8(raw.text)) {
      complain(where, field.path, "must be UTF-8 text");
      continue;
    }
    stage(field, raw, where, where);
  }
}

void Staging::apply_arguments(const std::vector<std::string>& arguments) {
  const std::string where = "command line";
  for (const std::string& argument : arguments) {
    auto equals = argument.find('=');
    std::string_view path = std::string_view(argument).substr(0, equals);
    if (!is_utf8(argument) || !path.starts_with("--") || path.size() == 2) {
      complain(where, "",
               "cannot use " +
                   (is_utf8(argument) ? shown(argument) : "an argument that is not UTF-8") +
                   ": settings are given as --name=value, such as --http.port=8080");
      continue;
    }
    path.remove_prefix(2);
    FieldBase* field = state_.find(path);
    if (field == nullptr) {
      complain(where, "", "unknown setting " + shown("--" + std::string(path)) + suggestion(path));
    } else if (equals == argument.npos) {
      complain(where, field->path, "has no value: write --" + field->path + "=...");
    } else {
      Raw raw;
      raw.is_one_line = true;
      raw.text = argument.substr(equals + 1);
      stage(*field, raw, where, where);
    }
  }
}

void Staging::check_required() {
  for (const auto& field : state_.fields) {
    if (!field->is_required || !field->source.empty()) continue;
    bool complained = std::ranges::any_of(
        problems_, [&](const Problem& problem) { return problem.violation.field == field->path; });
    if (complained) continue;
    complain("configuration", field->path,
             "is required: set it in a file, as " + state_.variable_of(field->path) + " or as --" +
                 field->path + "=...");
  }
}

}  // namespace kit::config::detail
