// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kitgen::cli {

inline constexpr std::string_view help_of_schema = R"(Tools around the schema file.

Examples:
  kitgen schema from-db --database old.db --output api/shop.yaml
  kitgen schema fmt api/shop.yaml
  kitgen schema json-schema > schema.json

Commands:
  from-db      a schema from an existing database
  fmt          a schema in the usual layout
  json-schema  the JSON Schema of the language, for editors
)";

inline constexpr std::string_view help_of_from_db =
    R"(Writes a schema that describes an existing database: SQLite, PostgreSQL 15 or MySQL/MariaDB 10.11.

Examples:
  kitgen schema from-db --database shop.db                           to the standard output
  kitgen schema from-db --database shop.db --output api/shop.yaml    into a new file
  kitgen schema from-db --database postgresql://me:secret@localhost:5432/shop
  kitgen schema from-db --database mysql://me:secret@localhost/shop --tables film,actor

Options:
  --database ADDRESS  the file of SQLite, or a URL (required); the password may stand in KITGEN_DB_PASSWORD
                      instead. postgresql:///shop?host=/run/postgresql and mysql:///shop?socket=PATH use a socket
  --output FILE       where to write; a file that exists is never overwritten
  --service NAME      the service's name; else the database's
  --tables A,B        only these tables
  --namespace NAME    PostgreSQL: the schema of the tables (public)

The schema is a start, yours to edit: tables become entities, keys an id, foreign keys belongs_to and has_many, pure
join tables many_to_many. What a schema does not carry is said in a comment at its place, and listed on stderr.
It is for a NEW database that Kit makes and migrates. Running a service on the old tables as they are is not
promised: move the rows with kitgen import. Only the catalogue is read, in a read-only transaction; no row is.
)";

inline constexpr std::string_view help_of_fmt =
    R"(Lays schema files out in the usual way: two blanks a level, fields below each other, at most one blank line.

Examples:
  kitgen schema fmt                   api/*.yaml of this folder
  kitgen schema fmt api/shop.yaml     this file
  kitgen schema fmt --check           writes nothing; exit 1 and a list when a file is not laid out so (for CI)

Comments, groups of lines and the choice between {...} and blocks stay as they are; what the schema says never changes.
A file is replaced in one step, or not at all.
)";

inline constexpr std::string_view help_of_json_schema =
    R"(Prints the schema language as a JSON Schema (draft 7): completion, hover texts and early errors in editors.

Examples:
  kitgen schema json-schema > schema.json

A project has it already: kitgen generate writes .kit/language.json, and the first line of api/NAME.yaml names it for
the YAML language server, which most editors speak to:
  # yaml-language-server: $schema=../.kit/language.json
)";

/// `kitgen schema VERB ...`
int run_schema(std::vector<std::string> words);

}  // namespace kitgen::cli
