// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kitgen::cli {

/// Tells a wrong command line and where its help is; the exit code of that.
int usage_error(std::string_view message, std::string_view command);
/// The help of a command that exists.
std::string_view help_text(std::string_view command);

/// CLI11 with our own help and messages.
class Parser {
 public:
  explicit Parser(std::string command);

  void positional(const std::string& name, std::string& value) { app_.add_option(name, value); }
  /// `example` is a value for messages.
  void option(const std::string& name, std::string& value, std::string example) {
    app_.add_option(name, value);
    examples_[name] = std::move(example);
  }
  /// An option that may be given several times.
  void list(const std::string& name, std::vector<std::string>& values, std::string example) {
    app_.add_option(name, values)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    examples_[name] = std::move(example);
    lists_.insert(name);
  }
  void flag(const std::string& name, bool& value) {
    app_.add_flag(name, value);
    flags_.insert(name);
  }

  /// Nothing: go on; otherwise the exit code.
  std::optional<int> parse(std::vector<std::string> words);

 private:
  /// What CLI11 would say in words of its own: values that are missing, too many or not wanted.
  std::string misuse(const std::vector<std::string>& words) const;

  std::string command_;
  CLI::App app_;
  std::map<std::string, std::string> examples_;  ///< Of the options that take a value.
  std::set<std::string> flags_;
  std::set<std::string> lists_;  ///< Of those, which may come again.
  bool help_ = false;
};

}  // namespace kitgen::cli
