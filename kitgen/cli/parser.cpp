// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/parser.hpp"

#include <algorithm>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/cli/command.hpp"

namespace kitgen::cli {

Parser::Parser(std::string command) : command_(std::move(command)) {
  app_.set_help_flag();
  app_.add_flag("-h,--help", help_);
  app_.allow_extras();
}

std::optional<int> Parser::parse(std::vector<std::string> words) {
  if (const std::string problem = misuse(words); !problem.empty())
    return usage_error(problem, command_);
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    app_.parse(words);
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), command_);
  }
  if (help_) {
    print(help_text(command_));
    return ok;
  }
  const std::vector<std::string> extras = app_.remaining();
  if (extras.empty()) return std::nullopt;
  const std::string& word = extras.front();
  if (!word.starts_with("-")) {
    return usage_error("'" + word + "' is one word too many", command_);
  }
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app_.get_options()) {
    for (const std::string& each : option->get_lnames()) known.push_back("--" + each);
  }
  const std::vector<std::string_view> names(known.begin(), known.end());
  return usage_error("there is no option '" + name + "'" + kit::did_you_mean(name, names),
                     command_);
}

std::string Parser::misuse(const std::vector<std::string>& words) const {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const bool has_equals = equals != std::string::npos;
    if (flags_.contains(name) && has_equals) return name + " takes no value";
    const auto option = examples_.find(name);
    if (option == examples_.end()) continue;
    if (!seen.insert(name).second && !lists_.contains(name)) return name + " is given twice";
    const std::string value = has_equals             ? words[i].substr(equals + 1)
                              : i + 1 < words.size() ? words[++i]
                                                     : std::string();
    if (value.empty() || (!has_equals && value.starts_with("-")))
      return std::string(name)
          .append(" needs a value: ")
          .append(name)
          .append(" ")
          .append(option->second);
  }
  return {};
}

}  // namespace kitgen::cli
