// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/config/codec.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/db_command.hpp"
#include "kitgen/cli/migrate_help.hpp"
#include "kitgen/cli/parser.hpp"
#include "kitgen/cli/schema_commands.hpp"
#include "kitgen/cli/server_migrations.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::cli {
namespace {

constexpr std::string_view help_of_all = R"(One schema file becomes a running back office.

Examples:
  kitgen new shop && cd shop && make run     from nothing to http://127.0.0.1:8080/
  kitgen dev                                 serve it, and again after every save
  kitgen generate                            after a change of api/*.yaml
  kitgen generate --check                    is everything up to date? (for CI)
  kitgen migrate status --database shop.db   which migrations has this database?
  kitgen import --dir data                   CSV files or workbooks into the database

Commands:
  new       start a project
  dev       build, migrate and serve; again after every save
  generate  write the code, SQL, OpenAPI and TypeScript that follow from a schema
  migrate   plan, up, down, status: bring a database to the schema; new, lint: hand-written steps
  db        backup, check, restore: a file of SQLite, while programs use it
  schema    from-db, fmt, json-schema: tools around the schema file
  import    read CSV files or workbooks through the project's own rules
  export    write the project's data as CSV files or workbooks
  version   print the version
  help      this text, or that of a command: kitgen help generate

Exit codes: 0 done; 1 the schema, project or database stands in the way; 2 wrong usage.
)";

constexpr std::string_view help_of_new =
    R"(Starts a project: schema, build, configuration, main.cpp, and all generated code.

Examples:
  kitgen new shop                    in the new folder shop
  kitgen new shop --dir /src/shop    somewhere else
  kitgen new shop --database sqlite  without migrations for servers

Options:
  --dir DIR        the project's folder (NAME)
  --database NAME  sqlite, postgresql or mysql: migrations for these (all three); SQLite's are always there, and
                   kitgen generate --add-database adds others later. The setting database.url says which one is used

Names are lower-case words: shop, music_store. A folder that holds files already is refused.
)";

constexpr std::string_view help_of_generate =
    R"(Writes everything that follows from a schema. All of it or nothing: a crash leaves the old tree or the new one.

Examples:
  kitgen generate                                     the only api/*.yaml, into internal/
  kitgen generate api/shop.yaml                       the same, named
  kitgen generate --schema=api/shop.yaml --output=internal --with-orm
  kitgen generate --check                             writes nothing; exit 1 and a list when files are out of date
  kitgen generate --dry-run                           writes nothing; lists what it would do, file by file
  kitgen generate --diff                              writes nothing; shows the same as a patch for git apply

Options:
  --schema FILE            the schema (also as the first word)
  --output DIR             folder of the layers, inside the project (internal)
  --project DIR            work as if started there; else the folder above the schema's api/
  --with-orm, --with-gorm  the data layer and its migrations; always written, accepted for scripts
  --all                    everything this version can write; the default
  --check                  fail when files are out of date: exit 1 when a run would change or refuse anything
  --dry-run                list what would be done; exit 1 when a run would refuse
  --diff                   the same as a patch; exit 1 when a run would refuse. Only one of these three
  --verbose                list every file
  --discard-edits          overwrite generated files that were edited by hand
  --name NAME              of the migration that a changed schema needs; else told by the change
  --rename OLD=NEW         customers.telephone=phone, or clients=customers: renamed, as renamed_from: in the schema says
  --drop OLD               customers.telephone, or clients: gone, not renamed
  --allow-destructive      write a migration that loses data; without it the run lists what would be lost
  --add-database NAME      postgresql or mysql: migrations for it too, in migrations/NAME, from now on
  --restore-deleted        start files again that you deleted
  --recreate-migrations    for projects that never ran with real data: one first migration, whatever was there before;
                           the development database has to be removed
  --dump-model             print the checked schema as kitgen understands it

Files with .gen in their name are kitgen's and rewritten on every run; one that was edited stops the run. All others
are yours: started once; what kitgen would start differently later is merged into them. Where you changed the same
lines, both versions stand between markers (<<<<<<< yours ... >>>>>>> kitgen), and the run ends with exit code 1.
.kit/manifest.json and .kit/pristine remember what was written; commit them. The files of a renamed entity move to its
new name with what you wrote; lines of yours that say the old name are listed.

A changed schema is a new migration in migrations/, which is never rewritten later. Before it ran anywhere you may edit
it. .kit/schema.json, and .kit/schema.postgresql.json and .kit/schema.mysql.json for theirs, remember what the migrations
lead to; commit them too: a set that is behind, or has lost a file, is seen by them. Migrations of your own take the next number;
what they change kit does not know about, so leave the tables that the schema describes to kitgen.
)";

constexpr std::string_view help_of_dev =
    R"(Turns every save into a running server: schema, code, build, database, restart.

Examples:
  kitgen dev                          build/dev, on the port of config/
  kitgen dev --port 9000              on another one; 0: a free one
  kitgen dev -- --log.level=debug     the rest goes to the project's program
  kitgen dev --once                   one round, for scripts: exit 0 when the server came up

Options:
  --project DIR        work as if started there
  --build DIR          the build folder, configured when it is missing (build/dev)
  --port N             instead of http.port
  --no-migrate         leave the database as it is
  --allow-destructive  write and apply migrations that lose data; without it they are refused
  --once               end after the first round

Watched are schema, code, configuration, migrations and CMake files of the project. Whatever fails is shown, and the server
before it goes on; the next save tries again. The new server takes over before the old one ends, so no request fails.
Before a migration the database is copied into .kit/dev, and the command that undoes it is named. Ctrl-C ends everything.
)";

constexpr std::string_view help_of_import =
    R"(Reads CSV files or workbooks (.xlsx) into the project's database, through the project's own program and rules.

Examples:
  kitgen import                            every file of the configured folder
  kitgen import --dir data Artist Album    these two, in the order they need
  kitgen import --dry-run                  check everything, keep nothing
  kitgen import --dir data --format xlsx   workbooks, where CSV files are there too

Options:
  --binary FILE    the program; else build/*/NAME of the project, newest first
  everything else goes to the program: NAME help import
)";

constexpr std::string_view help_of_export =
    R"(Writes the project's data as CSV files or workbooks that import reads, through the project's own program.

Examples:
  kitgen export --dir backup
  kitgen export --dir backup Customer Invoice
  kitgen export --dir backup --format xlsx     Customer.xlsx instead of Customer.csv

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
    {"dev", help_of_dev},
    {"generate", help_of_generate},
    {"migrate", help_of_migrate},
    {"db", help_of_db},
    {"import", help_of_import},
    {"export", help_of_export},
    {"version", ""},
    {"help", help_of_all},
    {"schema", help_of_schema},
    {"schema from-db", help_of_from_db},
    {"schema json-schema", help_of_json_schema},
    {"schema fmt", help_of_fmt},
};
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
  std::vector<std::string> databases;
  parser.list("--database", databases, "postgresql");
  if (const auto code = parser.parse(words)) return *code;
  if (arguments.name.empty())
    return usage_error("the project needs a name: kitgen new shop", "new");
  const auto servers = server_dialects();
  if (databases.empty()) databases = servers;
  for (std::string& name : databases) {
    if (name == "sqlite") continue;  // every project's
    if (std::ranges::find(servers, name) == servers.end())
      return usage_error("--database takes sqlite, postgresql or mysql, not " + name, "new");
    arguments.databases.push_back(std::move(name));
  }
  return new_project(arguments);
}

/// `--rename old=new` and `--name` taken apart. "" when they are fine, otherwise what is wrong.
std::string read_decisions(const std::vector<std::string>& renames, GenerateArguments& arguments) {
  for (const std::string& each : renames) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == each.size())
      return "--rename takes both names: --rename customers.telephone=phone";
    arguments.renames.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  if (!arguments.migration_name.empty() && !model::is_snake_case(arguments.migration_name))
    return "--name takes lower-case words: --name add_vat_to_invoices";
  return "";
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
  parser.flag("--diff", arguments.diff);
  parser.flag("--verbose", arguments.verbose);
  parser.flag("--discard-edits", arguments.discard_edits);
  parser.flag("--restore-deleted", arguments.restore_deleted);
  parser.flag("--recreate-migrations", arguments.recreate_migrations);
  parser.flag("--allow-destructive", arguments.allow_destructive);
  parser.option("--name", arguments.migration_name, "add_vat_to_invoices");
  std::vector<std::string> renames;
  parser.list("--rename", renames, "customers.telephone=phone");
  parser.list("--drop", arguments.drops, "customers.telephone");
  parser.list("--add-database", arguments.added_databases, "postgresql");
  parser.flag("--dump-model", arguments.dump_model);
  if (const auto code = parser.parse(words)) return *code;
  if (!positional.empty() && !arguments.schema.empty()) {
    return usage_error("the schema is named twice: " + positional + " and " + arguments.schema,
                       "generate");
  }
  if (const std::string problem = read_decisions(renames, arguments); !problem.empty())
    return usage_error(problem, "generate");
  for (const std::string& name : arguments.added_databases) {
    const auto known = server_dialects();
    if (std::ranges::find(known, name) == known.end()) {
      return usage_error("--add-database takes postgresql or mysql, not " + name, "generate");
    }
  }
  if (arguments.check + arguments.dry_run + arguments.diff > 1) {
    return usage_error("--check, --dry-run and --diff exclude each other", "generate");
  }
  if (arguments.schema.empty()) arguments.schema = positional;
  return generate(arguments);
}

int run_dev(std::vector<std::string> words) {
  DevArguments arguments;
  const auto rest = std::ranges::find(words, "--");
  if (rest != words.end()) arguments.rest.assign(rest + 1, words.end());
  words.erase(rest, words.end());
  Parser parser("dev");
  std::string port;
  bool no_migrate = false;
  parser.option("--project", arguments.project, "/src/shop");
  parser.option("--build", arguments.build, "build/dev");
  parser.option("--port", port, "9000");
  parser.flag("--no-migrate", no_migrate);
  parser.flag("--allow-destructive", arguments.allow_destructive);
  parser.flag("--once", arguments.once);
  if (const auto code = parser.parse(std::move(words))) return *code;
  arguments.migrate = !no_migrate;
  if (!port.empty()) {
    const std::optional<long long> number = kit::parse_int(port);
    if (!number || *number < 0 || *number > 65'535)
      return usage_error("'" + port + "' is no port, which is a number from 0 to 65535", "dev");
    arguments.port = static_cast<int>(*number);
  }
  for (const std::string& word : arguments.rest) {
    // The server has to say where it listens, which it does in the environment dev only.
    if (word.starts_with("--env"))
      return usage_error(
          "kitgen dev serves the environment dev; run the program itself for another one", "dev");
  }
  return dev(arguments);
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
  if (command == "dev") return run_dev(std::move(words));
  if (command == "migrate") return run_migrate(std::move(words));
  if (command == "db") return run_db(std::move(words));
  if (command == "schema") return run_schema(std::move(words));
  if (command == "import" || command == "export") return run_import_or_export(command, words);
  return unknown_command(command);
}

}  // namespace kitgen::cli
