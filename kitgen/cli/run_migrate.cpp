// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/config/codec.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/parser.hpp"

namespace kitgen::cli {
namespace {

constexpr std::string_view migrate_names[] = {"plan", "up",       "down", "status",
                                              "new",  "renumber", "lint"};
constexpr std::string_view migrate_verbs = "plan, up, down, status, new, renumber, lint";

/// The number of `migrate up --to 2` or `migrate down 2`, into `number`. Nothing when it is fine,
/// otherwise what is wrong.
std::optional<std::string> read_number(const std::string& text, const std::string& usual,
                                       int& number) {
  if (text.empty()) return std::nullopt;
  const std::optional<long long> value = kit::parse_int(text);
  if (!value || *value < 1 || *value > 9999) {
    return "'" + text + "' is no whole number from 1 to 9999, as in: kitgen migrate " + usual;
  }
  number = static_cast<int>(*value);
  return std::nullopt;
}

std::optional<std::string> read_time(const std::string& text, const std::string& usual,
                                     std::chrono::milliseconds& time) {
  if (text.empty()) return std::nullopt;
  kit::config::Raw raw;
  raw.text = text;
  const auto read = kit::config::parse_span(raw);
  if (!read || *read > std::chrono::hours(24))
    return "'" + text + "' is no time up to 24h, as in: " + usual;
  time = std::chrono::duration_cast<std::chrono::milliseconds>(*read);
  return std::nullopt;
}

int usage_of_migrate(const std::string& problem) {
  return usage_error(problem, "migrate");
}

/// The options of one verb, as texts.
struct MigrateWords {
  std::string to;
  std::string steps;
  std::string lock_timeout;
  std::string table_wait;
  std::string word;  ///< Without a name.
};

void declare_migrate(const std::string& verb, Parser& parser, MigrateWords& words,
                     MigrateArguments& arguments) {
  const bool on_files = verb == "new" || verb == "renumber" || verb == "lint";
  parser.option("--migrations", arguments.migrations, "migrations");
  if (!on_files) parser.option("--database", arguments.database, "shop.db");
  if (verb == "plan") parser.flag("--json", arguments.json);
  if (verb == "up") {
    parser.option("--to", words.to, "2");
    parser.flag("--allow-destructive", arguments.allow_destructive);
  }
  if (verb == "down") parser.option("--steps", words.steps, "2");
  if (verb == "up" || verb == "down") {
    parser.option("--lock-timeout", words.lock_timeout, "30s");
    parser.option("--table-wait", words.table_wait, "1s");
  }
  if (verb == "down" || verb == "new" || verb == "renumber") parser.positional("word", words.word);
}

/// Nothing when all is well, else what is wrong.
std::optional<std::string> read_migrate(const std::string& verb, const MigrateWords& words,
                                        MigrateArguments& arguments) {
  const bool is_down = verb == "down";
  if (!words.steps.empty() && !words.word.empty()) {
    return "the number of steps is given twice: " + words.word + " and " + words.steps;
  }
  auto problem = read_number(words.to, "up --to 2", arguments.to);
  if (!problem && is_down)
    problem = read_number(words.steps + words.word, "down 2", arguments.steps);
  if (problem) return problem;
  problem = read_time(words.lock_timeout, "--lock-timeout 30s", arguments.lock_timeout);
  if (!problem) problem = read_time(words.table_wait, "--table-wait 1s", arguments.table_wait);
  if (problem) return problem;
  if (verb == "lint") return std::nullopt;
  if (verb == "new" || verb == "renumber") {
    arguments.name = words.word;
    if (!arguments.name.empty()) return std::nullopt;
    return verb == "new" ? "the step needs a name: kitgen migrate new add_phone"
                         : "which step? kitgen migrate renumber 0002_add_phone";
  }
  if (arguments.database.empty()) return "which database? --database shop.db";
  return std::nullopt;
}

}  // namespace

int run_migrate(std::vector<std::string> words) {
  const auto is_name = [](const std::string& word) { return !word.starts_with("-"); };
  const auto verb = std::ranges::find_if(words, is_name);
  const bool asks_help = std::ranges::find(words, "--help") != words.end() ||
                         std::ranges::find(words, "-h") != words.end();
  if (asks_help) {
    print(help_text("migrate"));
    return ok;
  }
  if (verb == words.end()) {
    return usage_of_migrate("migrate needs one of: " + std::string(migrate_verbs));
  }
  const std::string name = std::move(*verb);
  words.erase(verb);
  if (std::ranges::find(migrate_names, name) == std::end(migrate_names)) {
    return usage_of_migrate("there is no 'migrate " + name + "'" +
                            kit::did_you_mean(name, migrate_names) +
                            "; known are: " + std::string(migrate_verbs));
  }
  MigrateArguments arguments;
  MigrateWords texts;
  Parser parser("migrate");
  declare_migrate(name, parser, texts, arguments);
  if (const auto code = parser.parse(std::move(words))) return *code;
  if (const auto problem = read_migrate(name, texts, arguments)) return usage_of_migrate(*problem);
  using Verb = int (*)(const MigrateArguments&);
  constexpr Verb verbs[] = {migrate_plan, migrate_up,       migrate_down, migrate_status,
                            migrate_new,  migrate_renumber, migrate_lint};
  const auto index = std::ranges::find(migrate_names, name) - std::begin(migrate_names);
  return verbs[index](arguments);
}

}  // namespace kitgen::cli
