// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/detail/expand_reader.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/rest/detail/shown_name.hpp"
#include "kit/rest/expand.hpp"

namespace kit::rest::detail {
namespace {

bool hides(const Expandable& entity, std::string_view field) {
  if (entity.access == nullptr) return false;
  const auto rule = std::ranges::find(entity.access->fields, field, &record::FieldRule::field);
  return rule != entity.access->fields.end() && !record::allows_field(*entity.access, *rule);
}

/// Whoever does not see the reference does not see what it leads to.
bool is_known(const Expandable& entity, const Relation& relation) {
  return !hides(relation.key != nullptr ? entity : *relation.target, relation.reference);
}

std::vector<std::string_view> known_relations(const Expandable& entity) {
  std::vector<std::string_view> known;
  for (const Relation& relation : entity.relations) {
    if (is_known(entity, relation)) known.push_back(relation.name);
  }
  return known;
}

/// Reads the paths of one request; stops at the first that is wrong.
class ExpandReader {
 public:
  ExpandReader(const Expandable& entity, Expand& expand) : entity_(entity), expand_(expand) {}

  /// "" or what is wrong.
  std::string read(std::string_view value) {
    if (value.empty()) return "is empty: leave it out";
    for (const std::string_view path : split(value, ',')) {
      std::string problem = read_path(path);
      if (!problem.empty()) return problem;
    }
    return "";
  }

 private:
  std::string read_path(std::string_view path) {
    const std::vector<std::string_view> names = split(path, '.');
    const std::string shown = "'" + shown_name(path) + "'";
    if (std::ranges::find(names, "") != names.end()) {
      return path.empty() ? "has an empty name between its commas" : shown + " has an empty name";
    }
    if (names.size() > Expand::max_depth) {
      return shown + " goes too far: at most " + std::to_string(Expand::max_depth) +
             " relations one behind the other";
    }
    const Expandable* entity = &entity_;
    ExpandedRelation* at = &expand_.open(entity_);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto found = std::ranges::find(entity->relations, names[i], &Relation::name);
      if (found == entity->relations.end() || !is_known(*entity, *found)) {
        return shown + " can't be expanded" + known_at(*entity, names, i);
      }
      at = &step(*at, *found);
      entity = found->target;
    }
    if (at->is_named) return shown + " is given twice";
    at->is_named = true;
    if (count_ <= Expand::max_relations) return "";
    return "has too many relations: at most " + std::to_string(Expand::max_relations) +
           ", those on the way to others among them";
  }

  ExpandedRelation& step(ExpandedRelation& from, const Relation& relation) {
    const auto known = std::ranges::find(from.relations, &relation, &ExpandedRelation::relation);
    if (known != from.relations.end()) return *known;
    ++count_;
    ExpandedRelation& added = from.relations.emplace_back();
    added.relation = &relation;
    return added;
  }

  static std::string known_at(const Expandable& entity, std::span<const std::string_view> names,
                              std::size_t place) {
    const std::vector<std::string_view> known = known_relations(entity);
    const std::string hint = did_you_mean(shown_name(names[place]), known);
    const std::string of = place == 0 ? "" : " of " + std::string(names[place - 1]);
    if (known.empty()) return "; nothing" + of + " can be";
    return hint + "; known" + of + " are: " + joined(known);
  }

  const Expandable& entity_;
  Expand& expand_;
  std::size_t count_ = 0;
};

/// Whose field a name of `fields=` is.
struct FieldOwner {
  const std::span<const Field>* fields;
  FieldMask* shown;
  const Expandable* entity;  ///< Null: the entity the request is about.
};

/// The expanded relation that the first parts of a name lead to; null when it was not asked for.
ExpandedRelation* find_expanded(Expand& expand, std::string_view path) {
  if (expand.empty()) return nullptr;
  ExpandedRelation* at = &expand.open(expand.entity());
  for (const std::string_view name : split(path, '.')) {
    const auto found = std::ranges::find_if(
        at->relations, [&](const ExpandedRelation& each) { return each.relation->name == name; });
    if (found == at->relations.end()) return nullptr;
    at = &*found;
  }
  return at;
}

/// "" or what is wrong.
std::string read_field(const ListOptions& options, const FieldOwner& owner, std::string_view name,
                       std::string_view whole) {
  std::vector<std::string_view> known;
  const auto hidden = [&](std::string_view field) {
    return owner.entity != nullptr ? hides(*owner.entity, field) : options.hides(field);
  };
  for (const Field& field : *owner.fields) {
    if (field.is_shown && !hidden(field.name)) known.push_back(field.name);
  }
  if (owner.shown->is_all()) {
    *owner.shown = FieldMask::none(owner.fields->size());
    owner.shown->add(0);  // What it is about: an answer without its id is of nobody.
  }
  const auto found = std::ranges::find(*owner.fields, name, &Field::name);
  if (std::ranges::find(known, name) != known.end()) {
    owner.shown->add(static_cast<std::size_t>(found - owner.fields->begin()));
    return "";
  }
  return "'" + shown_name(whole) + "' is no field of the answer" +
         did_you_mean(shown_name(name), known) + "; known are: " + joined(known);
}

}  // namespace

void read_expand(QueryReader& in, std::string_view value, const Expandable& entity,
                 Expand& expand) {
  std::string problem = ExpandReader(entity, expand).read(value);
  if (!problem.empty()) in.add("expand", std::move(problem));
}

void read_fields(QueryReader& in, std::string_view value, const ListOptions& options,
                 FieldMask& shown, Expand& expand) {
  for (const std::string_view whole : split(value, ',')) {
    const std::size_t point = whole.rfind('.');
    FieldOwner owner{options.answer, &shown, nullptr};
    std::string_view name = whole;
    if (point != whole.npos) {
      ExpandedRelation* expanded = find_expanded(expand, whole.substr(0, point));
      if (expanded == nullptr) {
        in.add("fields", "'" + shown_name(whole) + "' is no field of what expand= asks for");
        continue;
      }
      const Expandable& target = *expanded->relation->target;
      owner = {target.fields, &expanded->shown, &target};
      name = whole.substr(point + 1);
    }
    std::string problem = read_field(options, owner, name, whole);
    if (!problem.empty()) in.add("fields", std::move(problem));
  }
}

}  // namespace kit::rest::detail
