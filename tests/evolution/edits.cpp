// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "tests/evolution/random_schema.hpp"

namespace evolution {
namespace {

/// Does one change; `what` says which. A change that can't be done here leaves `what` empty.
class Editor {
 public:
  Editor(Schema& schema, Names& names, std::uint64_t seed, Carried carried)
      : schema_(schema), names_(names), chance_(seed), carried_(carried) {}

  std::string edit() {
    using Change = void (Editor::*)();
    static constexpr std::array<Change, 32> changes{
        &Editor::add_field,        &Editor::add_field,
        &Editor::add_field,        &Editor::remove_field,
        &Editor::rename_field,     &Editor::rename_field,
        &Editor::change_type,      &Editor::change_type,
        &Editor::change_limits,    &Editor::change_limits,
        &Editor::toggle_optional,  &Editor::toggle_optional,
        &Editor::change_default,   &Editor::toggle_unique,
        &Editor::add_index,        &Editor::remove_index,
        &Editor::change_on_delete, &Editor::add_reference,
        &Editor::remove_reference, &Editor::rename_reference,
        &Editor::toggle_reference, &Editor::add_entity,
        &Editor::remove_entity,    &Editor::rename_entity,
        &Editor::change_enum,      &Editor::change_enum,
        &Editor::toggle_option,    &Editor::change_links,
        &Editor::change_links,     &Editor::change_pivot,
        &Editor::change_pivot,     &Editor::toggle_unique_reference};
    entity_ = &schema_.entities[chance_.between(0, schema_.entities.size() - 1)];
    (this->*changes[chance_.between(0, changes.size() - 1)])();
    return std::move(what_);
  }

 private:
  void say(const std::string& what) { what_ = entity_->name + ": " + what; }

  Field& any_field() { return entity_->fields[chance_.between(0, entity_->fields.size() - 1)]; }

  /// Mostly gives rows of before a value.
  void maybe_give_value(Field& field) {
    if (field.optional || field.default_value || chance_.once_in(8)) return;
    if (can_have_default(field)) {
      if (!field.unique && chance_.once_in(2)) {
        field.default_value = random_default(chance_, schema_, field);
      } else {
        field.backfill = random_default(chance_, schema_, field);
      }
    } else if (!chance_.once_in(4)) {
      field.optional = true;
    }
  }

  void add_field() {
    Field field = random_field(chance_, names_, schema_, carried_);
    maybe_give_value(field);
    const Field& source = any_field();
    if (!field.is_array && !source.is_array && source.type == field.type && !field.backfill &&
        source.renamed_from.empty() && chance_.once_in(2)) {
      field.backfill_from = source.uid;
      field.backfill_name = source.name;
    }
    say("adds " + field.name);
    entity_->fields.push_back(std::move(field));
  }

  bool is_used(int field) const {
    const bool in_index = std::ranges::any_of(entity_->indexes, [&](const Index& index) {
      return index.where == field || std::ranges::find(index.fields, field) != index.fields.end();
    });
    const bool in_backfill = std::ranges::any_of(
        entity_->fields, [&](const Field& other) { return other.backfill_from == field; });
    return in_index || in_backfill ||
           std::ranges::find(entity_->sort, field) != entity_->sort.end();
  }

  void remove_field() {
    if (entity_->fields.size() < 2) return;
    const int uid = any_field().uid;
    if (is_used(uid)) return;
    say("removes " + entity_->find(uid)->name);
    std::erase_if(entity_->fields, [uid](const Field& field) { return field.uid == uid; });
  }

  void rename_field() {
    Field& field = any_field();
    if (!field.renamed_from.empty()) return;
    const bool is_source = std::ranges::any_of(
        entity_->fields, [&](const Field& other) { return other.backfill_from == field.uid; });
    if (is_source) return;
    const std::string old = field.name;
    field.name = names_.field(chance_, names_.next());
    field.renamed_from = old;
    say(old + " becomes " + field.name);
    if (chance_.once_in(3)) change_limits_of(field);
  }

  void change_type() {
    Field& field = any_field();
    if (is_used(field.uid)) return;
    const Field before = field;
    // Most pairs of types have no way between them: look for one that has.
    for (int i = 0; i < 12; ++i) {
      randomize_type(chance_, field, schema_, carried_);
      if (can_convert(before, field)) break;
    }
    field.backfill_from = 0;
    field.backfill_name.clear();
    say(field.name + " has another type");
  }

  void change_limits_of(Field& field) {
    randomize_limits(chance_, field);
    if (field.type == Type::decimal && chance_.once_in(2)) {
      field.precision =
          std::clamp(field.precision + static_cast<int>(chance_.between(0, 4)) - 2, 3, 14);
    }
    const auto fits = [&](const std::optional<Value>& value) {
      return !value || is_allowed(schema_, field, *value);
    };
    if (!fits(field.default_value)) field.default_value.reset();
    if (!fits(field.backfill)) field.backfill.reset();
  }

  void change_limits() {
    Field& field = any_field();
    change_limits_of(field);
    say(field.name + " has other limits");
  }

  void toggle_optional() {
    Field& field = any_field();
    const bool holds = std::ranges::any_of(
        entity_->indexes, [&](const Index& index) { return index.where == field.uid; });
    if (holds) return;
    field.optional = !field.optional;
    maybe_give_value(field);
    say(field.name + (field.optional ? " is optional" : " is required"));
  }

  void change_default() {
    Field& field = any_field();
    if (!can_have_default(field)) return;
    if (field.is_money && chance_.once_in(2)) {
      field.currency = field.currency.empty() ? "EUR" : field.currency == "EUR" ? "CHF" : "";
      return say(field.name + " has another currency");
    }
    if (field.default_value && chance_.once_in(3)) {
      field.default_value.reset();
    } else {
      field.default_value = random_default(chance_, schema_, field);
    }
    say(field.name + " has another default");
  }

  void toggle_unique() {
    Field& field = any_field();
    if (!can_be_unique(field) || is_used(field.uid)) return;
    field.unique = !field.unique;
    say(field.name + (field.unique ? " is unique" : " is not unique any more"));
  }

  void add_index() {
    add_random_index(chance_, names_, *entity_);
    say("perhaps a new index");
  }

  void remove_index() {
    if (entity_->indexes.empty()) return;
    entity_->indexes.pop_back();
    say("an index goes");
  }

  Reference* any_reference() {
    if (entity_->references.empty()) return nullptr;
    return &entity_->references[chance_.between(0, entity_->references.size() - 1)];
  }

  void change_on_delete() {
    Reference* reference = any_reference();
    if (reference == nullptr) return;
    reference->on_delete =
        reference->on_delete == OnDelete::cascade ? OnDelete::restrict_delete : OnDelete::cascade;
    say(reference->field.name + " has another on_delete");
  }

  void add_reference() {
    Reference reference = random_reference(chance_, names_, schema_, *entity_);
    if (!chance_.once_in(6)) reference.field.optional = true;
    if (!reference.field.optional && !schema_.find(reference.target)->is_uuid && chance_.once_in(2))
      reference.field.backfill = Value(static_cast<std::int64_t>(chance_.between(1, 3)));
    if (reference.field.optional && reference.on_delete == OnDelete::restrict_delete &&
        chance_.once_in(2))
      reference.on_delete = OnDelete::set_null;
    say("adds " + reference.field.name);
    entity_->references.push_back(std::move(reference));
  }

  void remove_reference() {
    if (entity_->references.empty() || is_used(entity_->references.back().field.uid)) return;
    say("removes " + entity_->references.back().field.name);
    entity_->references.pop_back();
  }

  void rename_reference() {
    Reference* reference = any_reference();
    if (reference == nullptr || !reference->field.renamed_from.empty()) return;
    const std::string old = reference->field.name;
    reference->field.name = "ref" + std::to_string(names_.next());
    reference->field.renamed_from = old;
    say(old + " becomes " + reference->field.name);
  }

  void toggle_reference() {
    Reference* reference = any_reference();
    if (reference == nullptr || reference->target == entity_->uid) return;
    Field& field = reference->field;
    field.optional = !field.optional;
    if (!field.optional && reference->on_delete == OnDelete::set_null)
      reference->on_delete = OnDelete::restrict_delete;
    field.backfill.reset();
    if (!field.optional && !schema_.find(reference->target)->is_uuid && !chance_.once_in(4))
      field.backfill = Value(static_cast<std::int64_t>(chance_.between(1, 3)));
    say(field.name + (field.optional ? " is optional" : " is required"));
  }

  void toggle_unique_reference() {
    Reference* reference = any_reference();
    if (reference == nullptr) return;
    reference->field.unique = !reference->field.unique;
    say(reference->field.name + (reference->field.unique ? " is unique" : " is not unique"));
  }

  /// The fields of links change as those of an entity do.
  void change_pivot() {
    if (entity_->links.empty()) return;
    Links& links = entity_->links.back();
    if (links.fields.empty() || chance_.once_in(3)) {
      Field field = random_field(chance_, names_, schema_, carried_);
      field.unique = false;
      maybe_give_value(field);
      say(links.name + " has " + field.name);
      links.fields.push_back(std::move(field));
      return;
    }
    Field& field = links.fields.back();
    switch (chance_.between(0, 4)) {
      case 0:
        say(links.name + " loses " + field.name);
        return links.fields.pop_back();
      case 1:
        if (!field.renamed_from.empty()) return;
        field.renamed_from = field.name;
        field.name = names_.field(chance_, names_.next());
        return say(links.name + ": " + field.renamed_from + " becomes " + field.name);
      case 2:
        randomize_type(chance_, field, schema_, carried_);
        return say(links.name + ": " + field.name + " has another type");
      case 3:
        field.optional = !field.optional;
        maybe_give_value(field);
        return say(links.name + ": " + field.name + (field.optional ? " optional" : " required"));
      default:
        change_limits_of(field);
        return say(links.name + ": " + field.name + " has other limits");
    }
  }

  void add_entity() {
    if (schema_.entities.size() > 6) return;
    Entity entity = random_entity(chance_, names_, schema_, carried_);
    what_ = "adds " + entity.name;
    schema_.entities.push_back(std::move(entity));
  }

  void remove_entity() {
    if (schema_.entities.size() < 2) return;
    const int uid = entity_->uid;
    say("goes");
    std::erase_if(schema_.entities, [uid](const Entity& entity) { return entity.uid == uid; });
    for (Entity& entity : schema_.entities) {
      std::vector<int> gone;
      for (const Reference& each : entity.references) {
        if (each.target == uid) gone.push_back(each.field.uid);
      }
      std::erase_if(entity.references, [uid](const Reference& each) { return each.target == uid; });
      std::erase_if(entity.links, [uid](const Links& each) { return each.target == uid; });
      std::erase_if(entity.indexes, [&](const Index& index) {
        return std::ranges::any_of(
            index.fields, [&](int field) { return std::ranges::find(gone, field) != gone.end(); });
      });
    }
  }

  void rename_entity() {
    if (!entity_->renamed_from.empty()) return;
    const std::string old = entity_->name;
    entity_->name = "Thing" + std::to_string(names_.next());
    entity_->renamed_from = old;
    say("was " + old);
  }

  void change_enum() {
    if (schema_.enums.empty()) return;
    Enum& each = schema_.enums[chance_.between(0, schema_.enums.size() - 1)];
    const std::size_t at = chance_.between(0, each.values.size() - 1);
    EnumValue& value = each.values[at];
    const int uid = names_.next();
    const std::string fresh = "value" + std::to_string(uid);
    if (chance_.once_in(3)) {
      each.values.push_back({uid, fresh, ""});
      what_ = each.name + " gets " + fresh;
    } else if (chance_.once_in(2) && value.renamed_from.empty()) {
      what_ = each.name + ": " + value.name + " becomes " + fresh;
      value.renamed_from = value.name;
      value.name = fresh;
      for_enum_fields(
          each,
          [&](Field& field, const std::string& old) {
            for (auto* kept : {&field.default_value, &field.backfill}) {
              if (*kept && std::get<std::string>(**kept) == old) *kept = Value(fresh);
            }
          },
          value.renamed_from);
    } else if (each.values.size() > 1) {
      const std::string old = value.name;
      what_ = each.name + " loses " + old;
      each.values.erase(each.values.begin() + static_cast<std::ptrdiff_t>(at));
      for_enum_fields(
          each,
          [](Field& field, const std::string& gone) {
            for (auto* kept : {&field.default_value, &field.backfill}) {
              if (*kept && std::get<std::string>(**kept) == gone) kept->reset();
            }
          },
          old);
    }
  }

  template <class Use>
  void for_enum_fields(const Enum& each, Use use, const std::string& value) {
    const auto visit = [&](Field& field) {
      if (field.type == Type::enumeration && field.enumeration == each.uid && !field.is_array)
        use(field, value);
    };
    for (Entity& entity : schema_.entities) {
      for (Field& field : entity.fields) visit(field);
      for (Links& links : entity.links) {
        for (Field& field : links.fields) visit(field);
      }
    }
  }

  void toggle_option() {
    switch (chance_.between(0, 2)) {
      case 0:
        entity_->soft_delete = !entity_->soft_delete;
        return say(entity_->soft_delete ? "keeps deleted rows" : "deletes rows");
      case 1:
        entity_->version = !entity_->version;
        return say(entity_->version ? "has a version" : "has no version");
      default:
        entity_->has_event = !entity_->has_event;
        return say("event");
    }
  }

  void change_links() {
    if (entity_->links.empty() || chance_.once_in(3)) {
      entity_->links.push_back(random_links(chance_, names_, schema_, carried_));
      return say("adds " + entity_->links.back().name);
    }
    Links& links = entity_->links.back();
    if (chance_.once_in(3)) {
      say("removes " + links.name);
      entity_->links.pop_back();
    } else if (links.renamed_from.empty()) {
      links.renamed_from = links.name;
      links.name = "links" + std::to_string(names_.next());
      say(links.renamed_from + " becomes " + links.name);
    }
  }

  Schema& schema_;
  Names& names_;
  Chance chance_;
  Carried carried_;
  Entity* entity_ = nullptr;
  std::string what_;
};

}  // namespace

std::string edit(Schema& schema, Names& names, std::uint64_t seed, Carried carried) {
  return Editor(schema, names, seed, carried).edit();
}

}  // namespace evolution
