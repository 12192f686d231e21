// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/proposal.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::adopt {
namespace {

/// Room for the suffixes generated names add.
constexpr std::size_t longest_name = 48;

/// Endings of the types generated beside an entity's own.
constexpr std::array<std::string_view, 12> generated_suffixes{
    "",       "id",     "idtag",     "repository", "service", "routes",
    "import", "create", "expansion", "update",     "patch",   "list"};

bool is_free_type(const Proposal& proposal, const std::string& pascal) {
  if (model::is_taken_type_name(pascal) || !model::is_pascal_case(pascal)) return false;
  const std::string snake = model::to_snake(pascal);
  if (model::is_cpp_word(snake)) return false;
  return std::ranges::none_of(generated_suffixes, [&](std::string_view suffix) {
    return proposal.type_names.contains(kit::to_lower(pascal) + std::string(suffix));
  });
}

void take_type(Proposal& proposal, const std::string& pascal) {
  for (const std::string_view suffix : generated_suffixes)
    proposal.type_names.insert(kit::to_lower(pascal) + std::string(suffix));
}

/// The first candidate nobody has, then with numbers.
std::string free_type(Proposal& proposal, const std::vector<std::string>& candidates) {
  for (const std::string& candidate : candidates) {
    if (!is_free_type(proposal, candidate)) continue;
    take_type(proposal, candidate);
    return candidate;
  }
  for (int number = 2;; ++number) {
    const std::string candidate = candidates.back() + std::to_string(number);
    if (!is_free_type(proposal, candidate)) continue;
    take_type(proposal, candidate);
    return candidate;
  }
}

void choose_plural(Entity& entity, std::set<std::string>& tables) {
  const std::string table = snake_name(entity.table->name, "table");
  const std::string usual = model::pluralise(entity.snake);
  const auto is_usable = [&](const std::string& name) {
    // Members of the generated classes that hold one member for each table.
    static constexpr std::array<std::string_view, 6> members{"database", "transaction", "outbox",
                                                             "begin",    "commit",      "backend"};
    return !model::reserved_in(name) && !tables.contains(name) &&
           std::ranges::find(members, name) == members.end();
  };
  if (is_usable(table)) {
    entity.plural = table;
  } else {
    entity.plural = is_usable(usual) ? usual : unused_name(usual + "_rows", tables);
  }
  if (entity.plural != usual) entity.plural_key = entity.plural;
  tables.insert(entity.plural);
  if (entity.plural != entity.table->name) {
    entity.notes.push_back("table '" + shown(entity.table->name) + "' in the database, " +
                           entity.plural + " here");
  }
}

}  // namespace

std::string snake_name(std::string_view text, std::string_view otherwise) {
  std::string name;
  for (const char c : text) {
    const bool is_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += is_name ? c : '_';
  }
  name = model::to_snake(name);
  std::string joined;
  for (const char c : name) {
    if (c != '_' || (!joined.empty() && joined.back() != '_')) joined += c;
  }
  if (joined.size() > longest_name) {
    // Whole words, unless the last one is most of the name.
    const std::size_t end = joined.rfind('_', longest_name);
    joined.resize(end != std::string::npos && end > longest_name / 2 ? end : longest_name);
  }
  while (joined.ends_with('_')) joined.pop_back();
  if (joined.empty()) return std::string(otherwise);
  if (joined.front() >= '0' && joined.front() <= '9') joined.insert(0, "n");
  return joined;
}

bool is_free_name(std::string_view snake) {
  static constexpr std::array<std::string_view, 5> automatic{"id", "created_at", "updated_at",
                                                             "version", "deleted_at"};
  return model::is_snake_case(snake) && !model::reserved_in(snake) &&
         std::ranges::find(automatic, snake) == automatic.end();
}

std::string unused_name(std::string name, std::set<std::string>& taken) {
  if (!is_free_name(name)) name += "_value";
  std::string candidate = name;
  for (int number = 2; taken.contains(candidate); ++number)
    candidate = name + "_" + std::to_string(number);
  taken.insert(candidate);
  return candidate;
}

std::vector<std::pair<std::string, std::string>> enum_values(
    const std::vector<std::string>& values) {
  std::vector<std::pair<std::string, std::string>> result;
  std::set<std::string> taken;
  for (const std::string& value : values) {
    const std::string name = snake_name(value, "empty");
    std::string candidate = name;
    for (int number = 2; taken.contains(candidate); ++number)
      candidate = name + "_" + std::to_string(number);
    taken.insert(candidate);
    result.emplace_back(value, candidate);
  }
  return result;
}

void name_service(Proposal& proposal, const std::string& wanted) {
  std::string name = snake_name(wanted.empty() ? proposal.catalogue.name : wanted, "shop");
  if (model::reserved_in(name) || model::reserved_for_services(name) || model::is_cpp_word(name))
    name += "_office";
  proposal.service = std::move(name);
}

void name_enums(Proposal& proposal) {
  for (const EnumType& type : proposal.catalogue.enums) {
    EnumItem item;
    item.type = &type;
    const std::string pascal = model::to_pascal(snake_name(type.name, "kind"));
    item.name = free_type(proposal, {pascal, pascal + "Kind"});
    item.values = enum_values(type.values);
    proposal.enums.push_back(std::move(item));
  }
}

void name_entities(Proposal& proposal) {
  std::set<std::string> tables;
  for (const Table& table : proposal.catalogue.tables) {
    if (proposal.joins.contains(table.name)) continue;
    Entity entity;
    entity.table = &table;
    entity.doc = table.comment;
    for (const std::string& note : table.notes) entity.notes.push_back(shown(note));
    if (!table.triggers.empty()) {
      entity.notes.push_back("not carried: trigger" +
                             std::string(table.triggers.size() > 1 ? "s " : " ") +
                             listed(table.triggers));
    }
    const std::string snake = snake_name(table.name, "table");
    const std::string singular = model::to_pascal(model::singularise(snake));
    entity.name = free_type(proposal, {singular, model::to_pascal(snake), singular + "Row"});
    entity.snake = model::to_snake(entity.name);
    choose_plural(entity, tables);
    proposal.by_table.emplace(table.name, proposal.entities.size());
    proposal.entities.push_back(std::move(entity));
  }
}

}  // namespace kitgen::adopt
