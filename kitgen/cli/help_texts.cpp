// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/help_texts.hpp"

#include "kitgen/cli/db_command.hpp"
#include "kitgen/cli/migrate_help.hpp"
#include "kitgen/cli/schema_commands.hpp"

namespace kitgen::cli {
namespace {

constexpr std::string_view help_of_kitgen = R"(One schema file becomes a running back office.

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
  doctor    what would production suffer from? (for CI)
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

constexpr std::string_view help_of_doctor =
    R"(Says what production would suffer from, through the project's own program: TLS, secrets, debugging, limits, files.

Examples:
  kitgen doctor --env prod                  exit 1 when something is fatal: the server would not start
  kitgen doctor --env prod --format json    the same for machines
  kitgen doctor --env prod --config deploy/config

Options:
  --binary FILE    the program; else build/*/NAME of the project, newest first
  everything else goes to the program: NAME help doctor
)";

constexpr Command commands[] = {
    {"new", help_of_new},
    {"dev", help_of_dev},
    {"generate", help_of_generate},
    {"migrate", help_of_migrate},
    {"db", help_of_db},
    {"import", help_of_import},
    {"export", help_of_export},
    {"doctor", help_of_doctor},
    {"version", ""},
    {"help", help_of_kitgen},
    {"schema", help_of_schema},
    {"schema from-db", help_of_from_db},
    {"schema json-schema", help_of_json_schema},
    {"schema fmt", help_of_fmt},
};

}  // namespace

std::string_view help_of_all() {
  return help_of_kitgen;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::span<const Command> all_commands() {
  return commands;
}

}  // namespace kitgen::cli
