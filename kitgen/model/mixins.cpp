// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::model {
namespace {

using schema::in_quotes;

/// What one entity may have, and what all of them together, after mixins: a few lines must not
/// become a schema that fills the memory.
constexpr std::size_t max_fields_of_entity = 1'000;
constexpr std::size_t max_fields_of_schema = 50'000;
constexpr std::size_t max_uses_of_entity = 200;
constexpr int deepest_nesting = 16;

/// The words of an expression or condition that are names of the mixin, with the prefix; texts in
/// quotes stay.
std::string with_prefixed_names(const std::string& text,
                                const std::unordered_set<std::string>& names,
                                const std::string& prefix) {
  const auto is_name_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::string result;
  bool is_text = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_name_character(text[end])) ++end;
    if (end == i) {
      if (text[i] == '\'') is_text = !is_text;
      result += text[i++];
      continue;
    }
    const std::string word = text.substr(i, end - i);
    if (!is_text && names.contains(word)) result += prefix;
    result += word;
    i = end;
  }
  return result;
}

/// One use of a mixin in one entity.
struct Place {
  const Word& use;  ///< In the entity: where clashes are told.
  std::string prefix;
};

/// Brings the mixins of one entity in, its own fields first.
class Expander {
 public:
  Expander(const std::unordered_map<std::string, const schema::Mixin*>& mixins,
           schema::Entity& entity, schema::Diagnostics& diagnostics, std::size_t& room)
      : mixins_(mixins), entity_(entity), diagnostics_(diagnostics), room_(room) {
    for (const schema::Field& field : entity.fields)
      names_.try_emplace(field.name.text, Owner{"", field.name.at});
    for (const schema::Relation& relation : entity.relations)
      names_.try_emplace(relation.name.text, Owner{"", relation.name.at});
  }

  void run() {
    for (const schema::Use& use : entity_.uses) bring(use, {use.mixin, ""});
  }

 private:
  struct Owner {
    std::string mixin;  ///< "": the entity itself
    schema::Position at;
  };

  const schema::Mixin* find(const Word& word) {
    const auto found = mixins_.find(word.text);
    if (found != mixins_.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [name, mixin] : mixins_) names.push_back(name);
    std::ranges::sort(names);
    std::string help = diagnostics_.did_you_mean(word.text, names);
    if (help.empty() && names.empty()) help = "describe it under mixins:";
    diagnostics_.error(word, "unknown mixin " + in_quotes(word.text), std::move(help));
    return nullptr;
  }

  /// Tells and returns false when the mixin is being brought in already.
  bool enter(const Word& word) {
    const auto at = std::ranges::find(chain_, word.text);
    if (at == chain_.end()) {
      chain_.push_back(word.text);
      return true;
    }
    std::string names;
    for (auto each = at; each != chain_.end(); ++each) names += *each + " -> ";
    diagnostics_.error(word,
                       "mixin " + in_quotes(word.text) + " uses itself: " + names + word.text);
    return false;
  }

  bool has_room(const Place& place) {
    if (is_full_) return false;
    if (++uses_ <= max_uses_of_entity && chain_.size() <= static_cast<std::size_t>(deepest_nesting))
      return true;
    is_full_ = true;
    diagnostics_.error(
        place.use, "the mixins of entity " + in_quotes(entity_.name.text) + " use too many others");
    return false;
  }

  void bring(const schema::Use& use, const Place& place) {
    if (!has_room(place)) return;
    const schema::Mixin* mixin = find(use.mixin);
    if (mixin == nullptr || !enter(use.mixin)) return;
    Place inner = place;
    if (use.prefix) {
      if (is_snake_case(use.prefix->text)) {
        inner.prefix += use.prefix->text + "_";
      } else {
        diagnostics_.error(*use.prefix, "the prefix " + in_quotes(use.prefix->text) +
                                            " must be a name in snake_case");
      }
    }
    add_parts(*mixin, inner);
    for (const schema::Use& nested : mixin->uses) bring(nested, inner);
    chain_.pop_back();
  }

  void add_parts(const schema::Mixin& mixin, const Place& place) {
    std::unordered_set<std::string> own;
    std::size_t budget = max_uses_of_entity;
    collect_names(mixin, own, "", 0, budget);
    for (schema::Field field : mixin.fields) {
      prefix(field.name, place);
      if (field.renamed_from) prefix(*field.renamed_from, place);
      if (field.computed && !place.prefix.empty())
        field.computed->text = with_prefixed_names(field.computed->text, own, place.prefix);
      if (take(field.name, mixin, place)) entity_.fields.push_back(std::move(field));
    }
    for (schema::Relation relation : mixin.relations) {
      prefix(relation.name, place);
      if (relation.renamed_from) prefix(*relation.renamed_from, place);
      if (take(relation.name, mixin, place)) entity_.relations.push_back(std::move(relation));
    }
    for (schema::Index index : mixin.indexes) {
      for (Word& word : index.fields) prefix_known(word, own, place);
      if (index.where && !place.prefix.empty())
        index.where->text = with_prefixed_names(index.where->text, own, place.prefix);
      if (index.name) prefix(*index.name, place);
      entity_.indexes.push_back(std::move(index));
    }
    add_list(mixin.list.filter, entity_.list.filter, own, place);
    add_list(mixin.list.sort, entity_.list.sort, own, place);
    add_list(mixin.list.search, entity_.list.search, own, place);
    keep(mixin.keep.soft_delete, entity_.keep.soft_delete);
    keep(mixin.keep.version, entity_.keep.version);
    keep(mixin.keep.audit, entity_.keep.audit);
  }

  /// The names a mixin's indexes and lists may mean: its own and those of the mixins in it, as they
  /// are called there.
  void collect_names(const schema::Mixin& mixin, std::unordered_set<std::string>& names,
                     const std::string& prefix, int depth, std::size_t& budget) {
    if (depth > deepest_nesting || budget == 0) return;
    --budget;
    for (const schema::Field& field : mixin.fields) {
      // The last three: the columns of money and geo.
      for (const char* suffix : {"", "_currency", "_latitude", "_longitude"})
        names.insert(prefix + field.name.text + suffix);
    }
    for (const schema::Relation& relation : mixin.relations) {
      names.insert(prefix + relation.name.text);
      names.insert(prefix + relation.name.text + "_id");
    }
    for (const schema::Use& use : mixin.uses) {
      const auto nested = mixins_.find(use.mixin.text);
      if (nested == mixins_.end()) continue;
      collect_names(*nested->second, names, use.prefix ? prefix + use.prefix->text + "_" : prefix,
                    depth + 1, budget);
    }
  }

  static void prefix(Word& word, const Place& place) { word.text.insert(0, place.prefix); }
  static void prefix_known(Word& word, const std::unordered_set<std::string>& own,
                           const Place& place) {
    if (own.contains(word.text)) prefix(word, place);
  }

  static void add_list(const std::vector<Word>& from, std::vector<Word>& to,
                       const std::unordered_set<std::string>& own, const Place& place) {
    for (Word word : from) {
      prefix_known(word, own, place);
      const bool is_there = std::ranges::find(to, word.text, &Word::text) != to.end();
      if (!is_there) to.push_back(std::move(word));
    }
  }

  static void keep(const schema::Flag& from, schema::Flag& to) {
    if (from.value) to = from;
  }

  bool take(const Word& name, const schema::Mixin& mixin, const Place& place) {
    if (++count_ > max_fields_of_entity || room_ == 0) {
      if (!is_full_)
        diagnostics_.error(place.use, "mixins make more fields than " +
                                          std::string(room_ == 0 ? "a schema" : "an entity") +
                                          " may have");
      is_full_ = true;
      return false;
    }
    --room_;
    const auto [other, is_new] = names_.try_emplace(name.text, Owner{mixin.name.text, name.at});
    if (is_new) return true;
    const std::string by =
        other->second.mixin.empty() ? "of its own" : "of mixin " + in_quotes(other->second.mixin);
    diagnostics_.error(place.use,
                       "entity " + in_quotes(entity_.name.text) + " gets " + in_quotes(name.text) +
                           " from mixin " + in_quotes(mixin.name.text) + " (" +
                           diagnostics_.place(name.at, place.use.at) + "), but has one " + by +
                           " (" + diagnostics_.place(other->second.at, place.use.at) + ")",
                       "use it with a prefix: {" + place.use.text + ": other}");
    return false;
  }

  const std::unordered_map<std::string, const schema::Mixin*>& mixins_;
  schema::Entity& entity_;
  schema::Diagnostics& diagnostics_;
  std::size_t& room_;
  std::unordered_map<std::string, Owner> names_;
  std::vector<std::string> chain_;
  std::size_t count_ = 0;
  std::size_t uses_ = 0;
  bool is_full_ = false;
};

void check_name(const Word& name, schema::Diagnostics& diagnostics) {
  if (is_snake_case(name.text)) return;
  const std::string better = to_snake(name.text);
  diagnostics.error(name, "mixin name " + in_quotes(name.text) + " must be in snake_case",
                    is_snake_case(better) ? "write " + in_quotes(better) : "");
}

}  // namespace

void expand_mixins(schema::Schema& schema, schema::Diagnostics& diagnostics) {
  std::unordered_map<std::string, const schema::Mixin*> mixins;
  for (const schema::Mixin& mixin : schema.mixins) {
    check_name(mixin.name, diagnostics);
    mixins.try_emplace(mixin.name.text, &mixin);
  }
  std::size_t room = max_fields_of_schema;
  for (schema::Entity& entity : schema.entities) {
    if (!entity.uses.empty()) Expander(mixins, entity, diagnostics, room).run();
  }
}

void check_unused_mixins(Context& context) {
  std::unordered_set<std::string> used;
  for (const schema::Entity& entity : context.syntax.entities) {
    for (const schema::Use& use : entity.uses) used.insert(use.mixin.text);
  }
  for (const schema::Mixin& mixin : context.syntax.mixins) {
    if (used.contains(mixin.name.text)) continue;
    for (const schema::Field& field : mixin.fields) {
      if (!field.is_broken) parse_type(context, field.type);
    }
  }
}

}  // namespace kitgen::model
