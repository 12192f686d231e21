// SPDX-License-Identifier: Apache-2.0
#include "kitgen/adopt/adopt.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "kitgen/adopt/detail/proposal.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/schema/format.hpp"

namespace kitgen::adopt {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

constexpr int most_rounds = 50;

std::vector<std::vector<Item>*> relation_lists(Entity& entity) {
  return {&entity.belongs_to, &entity.has_one, &entity.has_many, &entity.many_to_many};
}

/// A field without what may be wrong with it, then none.
void simplify_field(Item& item, const std::string& message) {
  item.notes.push_back("not taken: " + shown(message));
  if (++item.attempts > 1) {
    item.left_out = true;
    return;
  }
  if (item.find("values") != nullptr) {  // its name may be another type's
    item.set("type", "string");
    item.drop("values");
  }
  std::erase_if(item.keys, [](const auto& key) {
    return key.first != "type" && key.first != "values" && key.first != "optional" &&
           key.first != "doc";
  });
}

void add_note(Item& item, std::string note) {
  if (std::ranges::find(item.notes, note) == item.notes.end())
    item.notes.push_back(std::move(note));
}

void simplify_relation(Item& item, bool may_be_optional, const std::string& message) {
  add_note(item, "not taken: " + shown(message));
  item.left_out = ++item.attempts > 1 || !may_be_optional;
  if (!item.left_out) item.set("optional", "true");
}

bool mend_entity(Entity& entity, int line, const std::string& message) {
  for (Item& item : entity.fields) {
    if (!item.left_out && item.line == line) return simplify_field(item, message), true;
  }
  for (std::vector<Item>* items : relation_lists(entity)) {
    for (Item& item : *items) {
      if (item.left_out || item.line != line) continue;
      return simplify_relation(item, items == &entity.belongs_to, message), true;
    }
  }
  for (Item& item : entity.indexes) {
    if (item.left_out || item.line != line) continue;
    item.left_out = true;
    item.notes.push_back(shown(message));
    return true;
  }
  if (entity.list_line == line) {
    entity.filter.clear();
    entity.sort.clear();
    entity.search.clear();
    entity.list_line = 0;
    return true;
  }
  if (entity.line != line) return false;
  entity.left_out = true;
  entity.notes.push_back("the table " + shown(entity.table->name) + " is left out; " +
                         shown(message));
  return true;
}

/// Takes out what the schema's own reader refuses; what it says becomes a comment. The rules above
/// know most of it beforehand; a database can still hold names that clash in ways only the whole
/// shows.
Result<std::string> settle(Proposal& proposal) {
  std::string last;
  for (int round = 0; round < most_rounds; ++round) {
    std::string text = write(proposal);
    const model::Loaded loaded = model::load_text(text, "api/" + proposal.service + ".yaml");
    if (loaded.service) {
      const schema::Source source("schema", text);
      schema::Diagnostics unused(source);
      return schema::format(source, unused).value_or(text);
    }
    std::set<int> mended;
    for (const schema::Diagnostic& diagnostic : loaded.diagnostics) {
      if (diagnostic.severity != schema::Severity::error) continue;
      last = std::to_string(diagnostic.at.line) + ": " + diagnostic.message;
      const int line = diagnostic.at.line;
      if (mended.contains(line)) continue;
      const bool found = std::ranges::any_of(proposal.entities, [&](Entity& entity) {
        return !entity.left_out && mend_entity(entity, line, diagnostic.message);
      });
      if (found) mended.insert(line);
    }
    if (mended.empty()) break;
  }
  return Error(Code::invalid_argument, "no schema can be made of this database: " + last +
                                           "; try some of its tables: --tables a,b");
}

/// Keys in the order people read them.
void order_keys(std::vector<Item>& items) {
  static constexpr std::array<std::string_view, 17> order{
      "entity",    "by",      "fields",   "type",   "values",    "min",
      "max",       "default", "optional", "unique", "immutable", "secret",
      "on_delete", "where",   "name",     "import", "doc"};
  const auto rank = [](const auto& key) {
    return std::ranges::find(order, std::string_view(key.first)) - order.begin();
  };
  // std::stable_sort of libstdc++ 12 warns under clang; a field has at most a dozen keys.
  for (Item& item : items) {
    for (std::size_t i = 1; i < item.keys.size(); ++i) {
      for (std::size_t j = i; j > 0 && rank(item.keys[j]) < rank(item.keys[j - 1]); --j)
        std::swap(item.keys[j], item.keys[j - 1]);
    }
  }
}

std::string place(const Entity& entity, const Item& item) {
  return entity.name + "." + (item.name.empty() ? item.source : item.name) + ": ";
}

void add_notes(const Entity& entity, const std::vector<Item>& items, Adopted& adopted) {
  for (const Item& item : items) {
    if (item.left_out && item.notes.empty())
      adopted.notes.push_back(place(entity, item) + "left out");
    for (const std::string& note : item.notes)
      adopted.notes.push_back(place(entity, item) + (item.left_out ? "left out; " : "") + note);
  }
}

Adopted summary(Proposal& proposal) {
  Adopted adopted;
  for (const std::string& each : proposal.catalogue.not_carried)
    adopted.notes.push_back(shown(each) + " is not carried");
  for (Entity& entity : proposal.entities) {
    adopted.entities += entity.left_out ? 0 : 1;
    for (const std::string& note : entity.notes) adopted.notes.push_back(entity.name + ": " + note);
    if (entity.left_out) continue;
    adopted.fields +=
        static_cast<std::size_t>(std::ranges::count(entity.fields, false, &Item::left_out));
    add_notes(entity, entity.fields, adopted);
    for (const std::vector<Item>* items : relation_lists(entity)) {
      add_notes(entity, *items, adopted);
      adopted.relations +=
          static_cast<std::size_t>(std::ranges::count(*items, false, &Item::left_out));
    }
    add_notes(entity, entity.indexes, adopted);
  }
  return adopted;
}

}  // namespace

Result<Adopted> adopt(const Catalogue& catalogue, const std::string& service) {
  if (catalogue.tables.empty())
    return Error(Code::invalid_argument, "the database has no tables to make a schema of");
  Proposal proposal{catalogue, {}, {}, {}, {}, {}, {}, false, false};
  name_service(proposal, service);
  choose_joins(proposal);
  name_enums(proposal);
  name_entities(proposal);
  choose_ids(proposal);
  for (Entity& entity : proposal.entities) {
    add_fields(proposal, entity);
    apply_checks(entity);
  }
  add_relations(proposal);
  add_joins(proposal);
  for (Entity& entity : proposal.entities) {
    add_indexes(entity);
    add_lists(entity);
  }
  for (Entity& entity : proposal.entities) {
    order_keys(entity.fields);
    order_keys(entity.indexes);
    for (std::vector<Item>* items : relation_lists(entity)) order_keys(*items);
  }
  auto text = settle(proposal);
  if (!text) return std::move(text).error();
  Adopted adopted = summary(proposal);
  adopted.schema = std::move(*text);
  return adopted;
}

}  // namespace kitgen::adopt
