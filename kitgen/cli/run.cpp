// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "kit/base/text.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/parser.hpp"
#include "kitgen/cli/schema_commands.hpp"

namespace kitgen::cli {
namespace {

constexpr std::string_view help_of_all = R"(One schema file becomes a running back office.

Examples:
  kitgen new shop && cd shop && make run     from nothing to http://127.0.0.1:8080/
  kitgen generate                            after a change of api/*.yaml
  kitgen generate --check                    is everything up to date? (for CI)
  kitgen migrate status --database shop.db   which migrations has this database?
  kitgen import --dir data                   CSV files into the project's database

Commands:
  new       start a project
  generate  write the code, SQL, OpenAPI and TypeScript that follow from a schema
  migrate   plan, up, down, status: bring a database to the schema
  schema    from-db, fmt, json-schema: tools around the schema file
  import    read CSV files through the project's own rules
  export    write the project's data as CSV files
  version   print the version
  help      this text, or that of a command: kitgen help generate

Exit codes: 0 done; 1 the schema, project or database stands in the way; 2 wrong usage.
)";

constexpr std::string_view help_of_new =
    R"(Starts a project: schema, build, configuration, main.cpp, and all generated code.

Examples:
  kitgen new shop                    in the new folder shop
  kitgen new shop --dir /src/shop    somewhere else

Names are lower-case words: shop, music_store. A folder that holds files already is refused.
)";

constexpr std::string_view help_of_generate =
    R"(Writes everything that follows from a schema. All of it or nothing: a crash leaves the old tree or the new one.

Examples:
  kitgen generate                                     the only api/*.yaml, into internal/
  kitgen generate api/shop.yaml                       the same, named
  kitgen generate --schema=api/shop.yaml --output=internal --with-orm
  kitgen generate --check                             writes nothing; exit 1 and a list when files are out of date
  kitgen generate --dry-run                           writes nothing; shows the plan

Options:
  --schema FILE            the schema (also as the first word)
  --output DIR             folder of the layers, inside the project (internal)
  --project DIR            work as if started there; else the folder above the schema's api/
  --with-orm, --with-gorm  the data layer and its migrations; always written, accepted for scripts
  --all                    everything this version can write; the default
  --check                  fail when files are out of date
  --dry-run                show what would be done
  --verbose                list every file
  --discard-edits          overwrite generated files that were edited by hand
  --recreate-migrations    let the first migration follow the schema; the development database made from the old one
                           has to be removed, one with real data must not be touched
  --dump-model             print the checked schema as kitgen understands it

Files with .gen in their name are kitgen's and rewritten on every run; one that was edited stops the run. All others
are yours: started once, never touched again. .kit/manifest.json remembers which is which; commit it.
)";

constexpr std::string_view help_of_migrate = R"(Brings a database to the schema, or back.

Examples:
  kitgen migrate status --database shop.db        what was applied, what waits
  kitgen migrate plan --database shop.db          the SQL that up would run
  kitgen migrate up --database shop.db            apply what waits
  kitgen migrate up --database shop.db --to 2     up to number 2
  kitgen migrate down --database shop.db          undo the last one
  kitgen migrate down 2 --database shop.db        undo the last two (--steps 2 is the same)

Options:
  --database PATH     the SQLite file (required)
  --migrations DIR    folder of NNNN_name.up.sql and .down.sql (migrations)

Each migration is one transaction; two runners at once apply each one once.
)";

constexpr std::string_view help_of_import =
    R"(Reads CSV files into the project's database, through the project's own program and rules.

Examples:
  kitgen import                            every file of the configured folder
  kitgen import --dir data Artist Album    these two, in the order they need
  kitgen import --dry-run                  check everything, keep nothing

Options:
  --binary FILE    the program; else build/*/NAME of the project, newest first
  everything else goes to the program: NAME help import
)";

constexpr std::string_view help_of_export =
    R"(Writes the project's data as CSV files that import reads, through the project's own program.

Examples:
  kitgen export --dir backup
  kitgen export --dir backup Customer Invoice

Options:
  --binary FILE    the program; else build/*/NAME of the project, newest first
  everything else goes to the program: NAME help export
)";

struct Command {
  std::string_view name;
  std::string_view help;
};
constexpr Command commands[] = {
    {"new", help_of_new},
    {"generate", help_of_generate},
    {"migrate", help_of_migrate},
    {"import", help_of_import},
    {"export", help_of_export},
    {"version", ""},
    {"help", help_of_all},
    {"schema", help_of_schema},
    {"schema from-db", help_of_from_db},
    {"schema json-schema", help_of_json_schema},
    {"schema fmt", help_of_fmt},
};
constexpr std::string_view migrate_names[] = {"plan", "up", "down", "status"};

const Command* find_command(std::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int unknown_command(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Command& command : commands) names.push_back(command.name);
  return usage_error(
      "there is no command '" + std::string(name) + "'" + kit::did_you_mean(name, names), "");
}

int help(const std::vector<std::string>& words) {
  if (words.empty()) {
    print(help_of_all);
    return ok;
  }
  const Command* command = find_command(words.front());
  if (words.size() > 1) {  // schema from-db
    if (const Command* verb = find_command(words[0] + " " + words[1])) command = verb;
  }
  if (command == nullptr) return unknown_command(words.front());
  print(command->help.empty() ? help_of_all : command->help);
  return ok;
}

int run_new(const std::vector<std::string>& words) {
  NewArguments arguments;
  Parser parser("new");
  parser.positional("name", arguments.name);
  parser.option("--dir", arguments.folder, "/src/shop");
  if (const auto code = parser.parse(words)) return *code;
  if (arguments.name.empty())
    return usage_error("the project needs a name: kitgen new shop", "new");
  return new_project(arguments);
}

int run_generate(const std::vector<std::string>& words) {
  GenerateArguments arguments;
  std::string positional;
  bool accepted = false;
  Parser parser("generate");
  parser.positional("schema_file", positional);
  parser.option("--schema", arguments.schema, "api/shop.yaml");
  parser.option("--output", arguments.output, "internal");
  parser.option("--project", arguments.project, "/src/shop");
  parser.flag("--with-orm", accepted);
  parser.flag("--with-gorm", accepted);
  parser.flag("--all", accepted);
  parser.flag("--check", arguments.check);
  parser.flag("--dry-run", arguments.dry_run);
  parser.flag("--verbose", arguments.verbose);
  parser.flag("--discard-edits", arguments.discard_edits);
  parser.flag("--recreate-migrations", arguments.recreate_migrations);
  parser.flag("--dump-model", arguments.dump_model);
  if (const auto code = parser.parse(words)) return *code;
  if (!positional.empty() && !arguments.schema.empty()) {
    return usage_error("the schema is named twice: " + positional + " and " + arguments.schema,
                       "generate");
  }
  if (arguments.check && arguments.dry_run) {
    return usage_error("--check and --dry-run exclude each other", "generate");
  }
  if (arguments.schema.empty()) arguments.schema = positional;
  return generate(arguments);
}

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

int run_migrate(std::vector<std::string> words) {
  const auto is_name = [](const std::string& word) { return !word.starts_with("-"); };
  const auto verb = std::ranges::find_if(words, is_name);
  const bool asks_help = std::ranges::find(words, "--help") != words.end() ||
                         std::ranges::find(words, "-h") != words.end();
  if (asks_help) return help({"migrate"});
  if (verb == words.end()) {
    return usage_error("migrate needs one of: plan, up, down, status", "migrate");
  }
  const std::string name = std::move(*verb);
  words.erase(verb);
  MigrateArguments arguments;
  Parser parser("migrate");
  std::string to;
  std::string steps;
  std::string word;
  parser.option("--database", arguments.database, "shop.db");
  parser.option("--migrations", arguments.migrations, "migrations");
  if (name == "up") parser.option("--to", to, "2");
  if (name == "down") {
    parser.option("--steps", steps, "2");
    parser.positional("number", word);
  }
  if (std::ranges::find(migrate_names, name) == std::end(migrate_names)) {
    return usage_error("there is no 'migrate " + name + "'" +
                           kit::did_you_mean(name, migrate_names) +
                           "; known are: plan, up, down, status",
                       "migrate");
  }
  if (const auto code = parser.parse(std::move(words))) return *code;
  if (!steps.empty() && !word.empty()) {
    return usage_error("the number of steps is given twice: " + word + " and " + steps, "migrate");
  }
  auto problem = read_number(to, "up --to 2", arguments.to);
  if (!problem) problem = read_number(steps + word, "down 2", arguments.steps);
  if (problem) return usage_error(*problem, "migrate");
  if (arguments.database.empty()) {
    return usage_error("which database? --database shop.db", "migrate");
  }
  if (name == "plan") return migrate_plan(arguments);
  if (name == "up") return migrate_up(arguments);
  return name == "down" ? migrate_down(arguments) : migrate_status(arguments);
}

/// Only --binary is ours; the rest belongs to the program that runs.
int run_import_or_export(const std::string& command, const std::vector<std::string>& words) {
  RunArguments arguments;
  arguments.command = command;
  for (std::size_t i = 0; i < words.size(); ++i) {
    constexpr std::string_view option = "--binary=";
    if (words[i] == "--help" || words[i] == "-h") return help({command});
    if (words[i].starts_with(option)) {
      arguments.binary = words[i].substr(option.size());
    } else if (words[i] == "--binary") {
      if (++i == words.size()) return usage_error("--binary needs the path of a program", command);
      arguments.binary = words[i];
    } else {
      arguments.rest.push_back(words[i]);
    }
  }
  return run_project(arguments);
}

}  // namespace

int usage_error(std::string_view message, std::string_view command) {
  print_error(message);
  const std::string asked = command.empty() ? "" : " " + std::string(command);
  std::fputs(("Try: kitgen help" + asked + "\n").c_str(), stderr);
  return usage;
}

std::string_view help_text(std::string_view command) {
  return find_command(command)->help;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_error(std::string_view text) {
  // Several lines (diagnostics, a diff) speak for themselves.
  const bool one_line = text.find('\n') == std::string_view::npos;
  std::string line = (one_line ? "kitgen: " : "") + std::string(text);
  if (!line.ends_with('\n')) line += '\n';
  std::fputs(line.c_str(), stderr);
}

int fail(const kit::Error& error) {
  print_error(error.message());
  return failed;
}

int run(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (words.empty()) {
    std::fwrite(help_of_all.data(), 1, help_of_all.size(), stderr);
    return usage;
  }
  const std::string command = words.front();
  words.erase(words.begin());
  if (command == "help" || command == "--help" || command == "-h") return help(words);
  if (command == "version" || command == "--version") {
    print("kitgen " + std::string(version) + "\n");
    return ok;
  }
  if (command == "new") return run_new(words);
  if (command == "generate") return run_generate(words);
  if (command == "migrate") return run_migrate(std::move(words));
  if (command == "schema") return run_schema(std::move(words));
  if (command == "import" || command == "export") return run_import_or_export(command, words);
  return unknown_command(command);
}

}  // namespace kitgen::cli
