// SPDX-License-Identifier: Apache-2.0
#include "kit/base/text.hpp"

#include <algorithm>
#include <array>

#include "kitgen/adopt/detail/proposal.hpp"
#include "kitgen/model/quote.hpp"

namespace kitgen::adopt {
namespace {

constexpr std::size_t longest_comment = 200;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view rest = text.substr(std::min(point + 1, text.size()));
  return !whole.empty() && std::ranges::all_of(whole, is_digit) &&
         std::ranges::all_of(rest, is_digit) && (point == text.size() || !rest.empty());
}

bool is_plain(std::string_view text) {
  static constexpr std::array<std::string_view, 10> special{"y",     "n",    "yes", "no",   "on",
                                                            "false", "true", "off", "null", "nan"};
  if (is_number(text)) return true;
  if (text.empty() || !is_letter(text.front()) || text.back() == ' ') return false;
  const auto is_fine = [](char c) {
    return is_letter(c) || is_digit(c) ||
           std::string_view(" _.-/;'!?%+=$").find(c) != std::string_view::npos;
  };
  return std::ranges::all_of(text, is_fine) &&
         std::ranges::find(special, kit::to_lower(text)) == special.end();
}

}  // namespace

std::string* Item::find(std::string_view key) {
  const auto found = std::ranges::find(keys, key, &std::pair<std::string, std::string>::first);
  return found == keys.end() ? nullptr : &found->second;
}

void Item::set(std::string_view key, std::string text) {
  if (std::string* old = find(key)) {
    *old = std::move(text);
  } else {
    keys.emplace_back(std::string(key), std::move(text));
  }
}

void Item::drop(std::string_view key) {
  std::erase_if(keys, [&](const auto& each) { return each.first == key; });
}

std::string yaml_value(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  // Letters of other scripts stay readable; what a quote or an eye could trip over is escaped.
  std::string out = "\"";
  const std::string valid = kit::valid_utf8(text);
  for (std::size_t i = 0; i < valid.size();) {
    const std::size_t size =
        std::max<std::size_t>(kit::utf8_sequence(std::string_view(valid).substr(i)), 1);
    const std::string_view letter = std::string_view(valid).substr(i, size);
    i += size;
    if (size > 1 && model::cpp_comment(letter) == letter) {
      out += letter;
    } else {
      const std::string escaped = model::json_string(letter);
      out += std::string_view(escaped).substr(1, escaped.size() - 2);
    }
  }
  return out + "\"";
}

std::string shown(std::string_view text) {
  std::string line = model::cpp_comment(kit::valid_utf8(text));
  const auto both_blank = [](char a, char b) { return a == ' ' && b == ' '; };
  const auto rest = std::ranges::unique(line, both_blank);
  line.erase(rest.begin(), rest.end());
  if (line.size() <= longest_comment) return line;
  line.resize(longest_comment);
  return kit::valid_utf8(line) + " ...";
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i].empty() ? "''" : shown(words[i]);
  }
  return text;
}

}  // namespace kitgen::adopt
