// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/renamed.hpp"

#include <algorithm>
#include <set>

#include "kitgen/cli/lines.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::cli {
namespace {

bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

}  // namespace

Renamer::Renamer(const std::vector<Renaming>& renamings) {
  const auto add = [&](const std::string& from, const std::string& to, bool is_pascal) {
    if (!from.empty() && from != to) forms_.push_back({from, to, is_pascal});
  };
  const auto add_all = [&](const std::string& from, const std::string& to) {
    add(from, to, false);
    add(model::to_words(from), model::to_words(to), false);
    add(model::to_upper(from), model::to_upper(to), false);
    add(model::to_pascal(from), model::to_pascal(to), true);
  };
  for (const Renaming& each : renamings) {
    if (each.is_service) {
      add(each.from, each.to, false);
      continue;
    }
    add_all(model::to_snake(each.from), model::to_snake(each.to));
    add(each.from, each.to, true);
    add_all(each.from_plural, each.to_plural);
  }
  std::ranges::sort(forms_, std::ranges::greater(),
                    [](const Form& form) { return form.from.size(); });
}

const Renamer::Form* Renamer::form_at(std::string_view text, std::size_t at) const {
  const char left = at == 0 ? ' ' : text[at - 1];
  for (const Form& form : forms_) {
    if (!text.substr(at).starts_with(form.from)) continue;
    const std::size_t end = at + form.from.size();
    const char right = end == text.size() ? ' ' : text[end];
    const bool begins = form.is_pascal ? !is_upper(left) : !is_lower(left) && !is_upper(left);
    const bool ends = !is_lower(right) && (form.is_pascal || !is_upper(right));
    if (begins && ends) return &form;
  }
  return nullptr;
}

std::string Renamer::renamed(std::string_view text) const {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const Form* form = form_at(text, at);
    if (form == nullptr) {
      result += text[at++];
      continue;
    }
    result += form->to;
    at += form->from.size();
  }
  return result;
}

std::string Renamer::follow(std::string_view before, std::string_view yours) const {
  std::string result;
  if (before.starts_with(utf8_bom)) before.remove_prefix(utf8_bom.size());
  if (yours.starts_with(utf8_bom)) {
    result += utf8_bom;
    yours.remove_prefix(utf8_bom.size());
  }
  const auto texts = [](const std::vector<Line>& lines) {
    std::vector<std::string_view> all;
    for (const Line& line : lines) all.push_back(line.text);
    return all;
  };
  const std::vector<Line> mine = split_lines(yours);
  std::vector<bool> is_kitgens(mine.size());
  const std::vector<Line> theirs = split_lines(before);
  for (const std::size_t at : match_lines(texts(theirs), texts(mine))) {
    if (at != unmatched) is_kitgens[at] = true;
  }
  for (std::size_t i = 0; i < mine.size(); ++i) {
    result += is_kitgens[i] ? renamed(mine[i].text) : std::string(mine[i].text);
    result += mine[i].end;
  }
  return result;
}

std::vector<std::size_t> Renamer::old_names(std::string_view text, std::string_view wanted) const {
  std::set<std::string_view> known;
  const std::vector<Line> all = split_lines(wanted);
  for (const Line& line : all) known.insert(line.text);
  std::vector<std::size_t> found;
  const std::vector<Line> lines = split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!known.contains(lines[i].text) && renamed(lines[i].text) != lines[i].text)
      found.push_back(i + 1);
  }
  return found;
}

}  // namespace kitgen::cli
