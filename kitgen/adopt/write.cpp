// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/adopt/detail/proposal.hpp"

namespace kitgen::adopt {
namespace {

/// The text under construction; knows its line.
class Writer {
 public:
  int line(std::size_t depth, const std::string& text) {
    text_.append(2 * depth, ' ');
    text_ += text;
    text_ += '\n';
    return line_++;
  }
  void blank() {
    text_ += '\n';
    ++line_;
  }
  void comment(std::size_t depth, const std::string& text) { line(depth, "# " + shown(text)); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int line_ = 1;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return "[" + text + "]";
}

/// {type: string, max: 40}, or the type alone.
std::string value_of(const Item& item) {
  const bool is_short = item.keys.size() == 1 &&
                        (item.keys.front().first == "type" || item.keys.front().first == "entity");
  if (is_short) return item.keys.front().second;
  std::string text;
  for (const auto& [key, value] : item.keys)
    text.append(text.empty() ? "" : ", ").append(key).append(": ").append(value);
  return "{" + text + "}";
}

/// What a left out item was, in one comment.
void write_left_out(Writer& out, const Item& item) {
  std::string text = item.name.empty() ? item.source : item.name;
  if (!item.name.empty() && !item.source.empty()) text += " (" + item.source + ")";
  text += " is left out";
  for (const std::string& note : item.notes) text += "; " + note;
  out.comment(3, text);
}

void write_items(Writer& out, std::string_view section, std::vector<Item>& items) {
  if (items.empty()) return;
  const auto carried = [](const Item& item) { return !item.left_out; };
  const bool has_any = std::ranges::any_of(items, carried);
  std::size_t width = 0;
  for (const Item& item : items) {
    if (carried(item)) width = std::max(width, item.name.size());
  }
  if (has_any) out.line(2, std::string(section) + ":");
  for (Item& item : items) {
    if (item.left_out) {
      write_left_out(out, item);
      continue;
    }
    for (const std::string& note : item.notes) out.comment(3, note);
    if (section == "indexes") {
      item.line = out.line(3, "- " + value_of(item));
    } else {
      item.line = out.line(
          3, item.name + ":" + std::string(width - item.name.size() + 1, ' ') + value_of(item));
    }
  }
}

/// Lists name only what is there.
void write_lists(Writer& out, Entity& entity) {
  const auto is_there = [&](const std::string& name) {
    const auto is_field = [&](const Item& item) { return !item.left_out && item.name == name; };
    const auto is_key = [&](const Item& item) {
      return !item.left_out && item.name + "_id" == name;
    };
    return std::ranges::any_of(entity.fields, is_field) ||
           std::ranges::any_of(entity.belongs_to, is_key);
  };
  Item all;
  for (auto [key, names] : {std::pair{"filter", &entity.filter}, std::pair{"sort", &entity.sort},
                            std::pair{"search", &entity.search}}) {
    std::erase_if(*names, [&](const std::string& name) { return !is_there(name); });
    if (!names->empty()) all.keys.emplace_back(key, joined(*names));
  }
  if (!all.keys.empty()) entity.list_line = out.line(2, "list: " + value_of(all));
}

void write_entity(Writer& out, Entity& entity) {
  if (entity.left_out) {
    for (const std::string& note : entity.notes) out.comment(1, note);
    return;
  }
  entity.line = out.line(1, entity.name + ":");
  for (const std::string& note : entity.notes) out.comment(2, note);
  if (!entity.doc.empty()) out.line(2, "doc: " + yaml_value(entity.doc));
  if (!entity.plural_key.empty()) out.line(2, "plural: " + entity.plural_key);
  if (entity.has_uuid_id) out.line(2, "id: uuid");
  write_items(out, "fields", entity.fields);
  write_items(out, "belongs_to", entity.belongs_to);
  write_items(out, "has_one", entity.has_one);
  write_items(out, "has_many", entity.has_many);
  write_items(out, "many_to_many", entity.many_to_many);
  write_items(out, "indexes", entity.indexes);
  std::string keep;
  if (entity.soft_delete) keep += "soft_delete: true";
  if (entity.version) keep += (keep.empty() ? "" : ", ") + std::string("version: true");
  if (!keep.empty()) out.line(2, "keep: {" + keep + "}");
  write_lists(out, entity);
}

void write_header(Writer& out, const Proposal& proposal) {
  const Catalogue& catalogue = proposal.catalogue;
  out.comment(0, "yaml-language-server: $schema=../.kit/language.json");
  out.comment(0, "From the database '" + catalogue.name + "' (" + catalogue.engine +
                     "), by kitgen schema from-db. Yours from here on.");
  out.comment(0,
              "What a schema does not carry is said where it was. New everywhere: id, created_at, "
              "updated_at.");
  if (proposal.has_local_times) out.comment(0, "Times without a zone are taken for UTC.");
  if (proposal.has_on_update)
    out.comment(0, "ON UPDATE rules of foreign keys are not carried: an id never changes.");
  for (const std::string& each : catalogue.not_carried) out.comment(0, each + " is not carried");
}

}  // namespace

std::string write(Proposal& proposal) {
  Writer out;
  write_header(out, proposal);
  out.line(0, "kit: 1");
  out.line(0, "service: " + proposal.service);
  if (!proposal.enums.empty()) {
    out.blank();
    out.line(0, "enums:");
    for (EnumItem& each : proposal.enums) {
      std::vector<std::string> values;
      std::vector<std::string> theirs;
      bool renamed = false;
      for (const auto& [old_value, value] : each.values) {
        values.push_back(yaml_value(value));
        theirs.push_back(old_value);
        renamed = renamed || old_value != value;
      }
      if (renamed) out.comment(1, "the values in the database are " + listed(theirs));
      const std::string doc =
          each.type->comment.empty() ? "" : "doc: " + yaml_value(each.type->comment) + ", ";
      std::string text = joined(values);
      if (!doc.empty()) text.insert(0, "values: ").insert(0, doc).insert(0, "{").append("}");
      each.item.line = out.line(1, each.name + ": " + text);
    }
  }
  out.blank();
  out.line(0, "entities:");
  bool first = true;
  for (Entity& entity : proposal.entities) {
    if (!first) out.blank();
    first = false;
    write_entity(out, entity);
  }
  return out.take();
}

}  // namespace kitgen::adopt
