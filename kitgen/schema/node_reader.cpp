// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/detail/node_reader.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "kit/base/text.hpp"

namespace kitgen::schema {
namespace {

constexpr std::size_t max_shown = 40;

std::string blank_help(const std::string& text, std::size_t colon) {
  return "write a blank behind the colon: " + text.substr(0, std::min(colon, max_shown)) + ": " +
         text.substr(colon + 1, max_shown);
}

/// What to write instead of something that is no mapping.
std::string mapping_help(const Node& node) {
  const std::size_t colon = node.word.text.find(':');
  if (node.is_scalar() && !node.word.quoted && colon != std::string::npos)
    return blank_help(node.word.text, colon);
  if (!node.is_sequence() || node.items.empty()) return {};
  if (node.items.front().is_map() && !node.flow)
    return "take the dashes away: each line begins with a name and a colon";
  return "write {name: ...} instead of the list";
}

}  // namespace

std::string flag_help(std::string_view text) {
  static constexpr std::array<std::string_view, 5> yes{"true", "yes", "on", "y", "1"};
  static constexpr std::array<std::string_view, 5> no{"false", "no", "off", "n", "0"};
  const std::string lower = kit::to_lower(text);
  if (std::ranges::find(yes, lower) != yes.end()) return "write true";
  return std::ranges::find(no, lower) != no.end() ? "write false" : "";
}

void NodeReader::map(const Node& node, std::string_view what, std::span<const KeyRule> rules,
                     std::span<const ForeignWord> foreign) {
  for (const Entry& entry : entries(node, what)) {
    const auto rule = std::ranges::find(rules, entry.key.text, &KeyRule::key);
    if (rule != rules.end()) {
      rule->read(entry);
    } else if (!entry.key.text.empty()) {
      tell_unknown(entry.key, what, rules, foreign);
    }
  }
}

void NodeReader::tell_unknown(const Word& key, std::string_view what,
                              std::span<const KeyRule> rules,
                              std::span<const ForeignWord> foreign) {
  std::string help;
  const std::size_t colon = key.text.find(':');
  const auto known_word = std::ranges::find(foreign, kit::to_lower(key.text), &ForeignWord::key);
  if (known_word != foreign.end()) {
    help = known_word->help;
  } else if (kit::parse_int(key.text)) {
    help = "a number has a point, not a comma; lists stand in [brackets]";
  } else if (colon != std::string::npos && !key.quoted) {
    help = blank_help(key.text, colon);
  }
  std::vector<std::string_view> known;
  for (const KeyRule& each : rules) {
    if (!each.is_hidden) known.push_back(each.key);
  }
  if (help.empty())
    help = diagnostics_.did_you_mean(key.text, std::span<const std::string_view>(known));
  if (help.empty()) help = "known here: " + one_of(known);
  diagnostics_.error(key, "unknown key " + in_quotes(key.text) + " in " + std::string(what),
                     std::move(help));
}

const std::vector<Entry>& NodeReader::entries(const Node& node, std::string_view what) {
  static const std::vector<Entry> empty;
  if (node.is_map()) return node.entries;
  if (!node.is_broken()) {
    diagnostics_.error(node.word,
                       std::string(what) + " must be a mapping (name: ...), not " + describe(node),
                       mapping_help(node));
  }
  return empty;
}

std::optional<Word> NodeReader::word(const Entry& entry) {
  if (entry.value.is_scalar()) return entry.value.word;
  if (entry.value.is_null()) {
    diagnostics_.error(entry.key, in_quotes(entry.key.text) + " has no value",
                       "give it one, or take the key away");
  } else if (!entry.value.is_broken()) {
    diagnostics_.error(
        entry.value.word,
        in_quotes(entry.key.text) + " must be a single value, not " + describe(entry.value));
  }
  return std::nullopt;
}

Flag NodeReader::flag(const Entry& entry) {
  const std::optional<Word> value = word(entry);
  if (!value) return {};
  Flag flag{value->text == "true", *value};
  if (value->quoted || (value->text != "true" && value->text != "false")) {
    diagnostics_.error(
        *value, in_quotes(entry.key.text) + " must be true or false, not " + in_quotes(value->text),
        flag_help(value->text));
  }
  return flag;
}

std::vector<Word> NodeReader::words(const Entry& entry) {
  if (entry.value.is_scalar()) return {entry.value.word};
  return words(entry.value, in_quotes(entry.key.text));
}

std::vector<Word> NodeReader::words(const Node& node, std::string_view what) {
  std::vector<Word> result;
  if (node.is_broken()) return result;
  if (!node.is_sequence()) {
    diagnostics_.error(node.word,
                       std::string(what) + " must be a list ([a, b]), not " + describe(node));
    return result;
  }
  for (const Node& item : node.items) {
    if (item.is_scalar()) {
      result.push_back(item.word);
    } else if (!item.is_broken()) {
      diagnostics_.error(
          item.word, "an entry of " + std::string(what) + " must be a word, not " + describe(item));
    }
  }
  return result;
}

std::vector<Word> NodeReader::enum_values(const Node& node, std::string_view what,
                                          std::vector<RenamedValue>& renamed) {
  if (!node.is_sequence()) return words(node, what);
  std::vector<Word> names;
  for (const Node& item : node.items) {
    if (item.is_scalar()) {
      names.push_back(item.word);
    } else if (item.is_map()) {
      std::optional<Word> name;
      std::optional<Word> former;
      const std::array<KeyRule, 2> rules{{
          {"name", [&](const Entry& e) { name = word(e); }},
          {"renamed_from", [&](const Entry& e) { former = word(e); }},
      }};
      map(item, "an enum value", rules);
      if (name) {
        names.push_back(*name);
        if (former) renamed.push_back({*name, *former});
      } else {
        diagnostics_.error(item.word, "an enum value needs its name",
                           "write {name: paid, renamed_from: settled}, for example");
      }
    } else if (!item.is_broken()) {
      diagnostics_.error(item.word, "an entry of " + std::string(what) +
                                        " must be a word or {name: ...}, not " + describe(item));
    }
  }
  return names;
}

std::optional<Backfill> NodeReader::backfill(const Entry& entry) {
  if (!entry.value.is_map()) {
    std::optional<Word> value = word(entry);
    return value ? std::optional(Backfill{std::move(*value), false}) : std::nullopt;
  }
  std::optional<Word> field;
  const std::array<KeyRule, 1> rules{{
      {"field", [&](const Entry& e) { field = word(e); }},
  }};
  map(entry.value, "backfill", rules);
  if (field) return Backfill{std::move(*field), true};
  if (entry.value.entries.empty()) {
    diagnostics_.error(entry.key, "'backfill' is empty",
                       "write backfill: 0, or backfill: {field: other_field}");
  }
  return std::nullopt;
}

}  // namespace kitgen::schema
