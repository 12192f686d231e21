// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/naming.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace kitgen::model {
namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
char upper(char c) {
  return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c;
}
bool is_vowel(char c) {
  return std::string_view("aeiou").find(c) != std::string_view::npos;
}

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array<Pair, 14> irregular{{{"person", "people"},
                                          {"man", "men"},
                                          {"woman", "women"},
                                          {"child", "children"},
                                          {"mouse", "mice"},
                                          {"foot", "feet"},
                                          {"tooth", "teeth"},
                                          {"goose", "geese"},
                                          {"leaf", "leaves"},
                                          {"shelf", "shelves"},
                                          {"index", "indexes"},
                                          {"quiz", "quizzes"},
                                          {"datum", "data"},
                                          {"hero", "heroes"}}};

constexpr std::array<std::string_view, 18> uncountable{
    "staff",    "equipment", "information", "money",   "news",     "series",
    "species",  "sheep",     "fish",        "data",    "metadata", "media",
    "software", "hardware",  "stock",       "luggage", "music",    "feedback"};

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

std::pair<std::string_view, std::string_view> split_last_word(std::string_view snake) {
  const std::size_t underscore = snake.rfind('_');
  if (underscore == std::string_view::npos) return {"", snake};
  return {snake.substr(0, underscore + 1), snake.substr(underscore + 1)};
}

std::string plural_word(std::string_view word) {
  for (const auto& [singular, plural] : irregular) {
    if (word == singular) return std::string(plural);
  }
  if (word.empty() || one_of(word, uncountable)) return std::string(word);
  const std::string text(word);
  const char last = word.back();
  const char before = word.size() > 1 ? word[word.size() - 2] : ' ';
  if (last == 'y' && is_lower(before) && !is_vowel(before))
    return text.substr(0, text.size() - 1) + "ies";
  if (word.ends_with("sis")) return text.substr(0, text.size() - 2) + "es";
  if (last == 's' || last == 'x' || last == 'z' || word.ends_with("ch") || word.ends_with("sh")) {
    return text + "es";
  }
  return text + "s";
}

std::string singular_word(std::string_view word) {
  for (const auto& [singular, plural] : irregular) {
    if (word == plural) return std::string(singular);
  }
  if (one_of(word, uncountable)) return std::string(word);
  std::string text(word);
  if (word.size() > 3 && word.ends_with("ies")) return text.substr(0, text.size() - 3) + "y";
  static constexpr std::array<std::string_view, 5> es{"sses", "xes", "zes", "ches", "shes"};
  for (const std::string_view ending : es) {
    if (word.size() > ending.size() && word.ends_with(ending))
      return text.substr(0, text.size() - 2);
  }
  if (word.size() > 1 && word.ends_with("s") && !word.ends_with("ss"))
    return text.substr(0, text.size() - 1);
  return text;
}

}  // namespace

bool is_identifier(std::string_view name) {
  if (name.empty() || name.size() > max_name_length) return false;
  if (!is_upper(name[0]) && !is_lower(name[0])) return false;
  return std::ranges::all_of(
      name, [](char c) { return is_upper(c) || is_lower(c) || is_digit(c) || c == '_'; });
}

bool is_snake_case(std::string_view name) {
  return is_identifier(name) && is_lower(name[0]) && !name.ends_with('_') &&
         name.find("__") == std::string_view::npos && std::ranges::none_of(name, is_upper);
}

bool is_pascal_case(std::string_view name) {
  return is_identifier(name) && is_upper(name[0]) && name.find('_') == std::string_view::npos;
}

std::string to_snake(std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool starts_word =
        is_upper(name[i]) && i > 0 && name[i - 1] != '_' &&
        (!is_upper(name[i - 1]) || (i + 1 < name.size() && is_lower(name[i + 1])));
    if (starts_word) result += '_';
    result += lower(name[i]);
  }
  return result;
}

std::string to_pascal(std::string_view name) {
  std::string result;
  bool starts_word = true;
  for (const char c : name) {
    if (c == '_') {
      starts_word = true;
    } else {
      result += starts_word ? upper(c) : c;
      starts_word = false;
    }
  }
  return result;
}

std::string to_camel(std::string_view snake) {
  std::string result = to_pascal(snake);
  if (!result.empty()) result[0] = lower(result[0]);
  return result;
}

std::string to_upper(std::string_view snake) {
  std::string result(snake);
  std::ranges::transform(result, result.begin(), upper);
  return result;
}

std::string to_words(std::string_view snake) {
  std::string words(snake);
  std::ranges::replace(words, '_', ' ');
  return words;
}

std::string with_article(std::string_view words) {
  const auto begins = [&](std::initializer_list<std::string_view> starts) {
    return std::ranges::any_of(starts,
                               [&](std::string_view start) { return words.starts_with(start); });
  };
  const bool vowel = !words.empty() && std::string_view("aeiou").find(words[0]) != words.npos;
  const bool like_you = begins({"uni", "use", "usa", "uti", "uto", "eu", "one", "once", "ubi"});
  const bool silent = begins({"hour", "honor", "honour", "honest", "heir"});
  return ((vowel && !like_you) || silent ? "an " : "a ") + std::string(words);
}

std::string to_label(std::string_view snake) {
  std::string result(snake);
  std::ranges::replace(result, '_', ' ');
  if (!result.empty()) result[0] = upper(result[0]);
  return result;
}

std::string pluralise(std::string_view snake) {
  const auto [head, word] = split_last_word(snake);
  return std::string(head) + plural_word(word);
}

std::string singularise(std::string_view snake) {
  const auto [head, word] = split_last_word(snake);
  return std::string(head) + singular_word(word);
}

}  // namespace kitgen::model
