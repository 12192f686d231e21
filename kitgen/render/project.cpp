// SPDX-License-Identifier: Apache-2.0
#include "kitgen/render/project.hpp"

#include "kitgen/model/naming.hpp"

namespace kitgen::render {
namespace {

// In these texts @name@ is "music_store", @Label@ "Music store"; @service@ may be another name.

constexpr std::string_view schema_text =
    R"(# yaml-language-server: $schema=../.kit/language.json
# What this service keeps. Everything under internal/, migrations/ and clients/ follows from this file:
# change it, then `make generate`.
kit: 1
service: @name@
doc: @Label@.

enums:
  ItemStatus: [draft, active, retired]

entities:
  Category:
    doc: A shelf.
    fields:
      name: {type: string, max: 80, unique: true}
    has_many: {items: Item}
    list: {filter: [name], sort: [name], search: [name]}

  Item:
    doc: Something on a shelf.
    fields:
      name:   {type: string, max: 120}
      price:  {type: decimal(10,2), min: 0}
      status: {type: ItemStatus, default: draft}
      note:   {type: text, max: 2000, optional: true}
    belongs_to: {category: {entity: Category, optional: true, on_delete: set_null}}
    keep: {version: true}
    list: {filter: [name, price, status, category_id], sort: [name, price, created_at], search: [name]}
)";

constexpr std::string_view main_text =
    R"(// Started by kitgen; yours from here on.
#include <cstdio>
#include <utility>
#include <vector>

#include "internal/@service@.gen.hpp"
#include "kit/app/application.hpp"
#include "kit_embed/migrations.hpp"
#include "kit_embed/openapi.hpp"

namespace {

/// The files of migrations/, which the build puts into the program.
kit::Result<std::vector<kit::db::Migration>> embedded_migrations() {
  std::vector<kit::db::MigrationFile> files;
  for (const kit::app::EmbeddedFile& file : kit::app::web::migrations()) {
    const auto* text = reinterpret_cast<const char*>(file.bytes.data());
    files.push_back({file.path, {text, file.bytes.size()}});
  }
  return kit::db::read_migrations(files);
}

}  // namespace

int main(int argc, char** argv) {
  const auto migrations = embedded_migrations();
  if (!migrations) {
    std::fprintf(stderr, "@name@: %s\n", migrations.error().message().c_str());
    return 1;
  }
  kit::app::Application application{
      .name = "@name@",
      .version = "v1",
      .title = "@Label@",
      .migrations = *migrations,
      .files = kit::app::web::openapi(),
      .make_service = @service@::make_service,
  };
  return kit::app::run(argc, argv, std::move(application));
}
)";

constexpr std::string_view cmake_text = R"(cmake_minimum_required(VERSION 3.25)
project(@name@ LANGUAGES CXX)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Kit as installed, or a source checkout: -DKIT_SOURCE_DIR=/src/kit
set(KIT_SOURCE_DIR "" CACHE PATH "A source checkout of kit; empty: the installed one")
if(KIT_SOURCE_DIR)
  add_subdirectory(${KIT_SOURCE_DIR} kit EXCLUDE_FROM_ALL)
else()
  find_package(kit 0.1 REQUIRED)
endif()

file(GLOB_RECURSE sources CONFIGURE_DEPENDS internal/*.cpp)
list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
kit_application(@name@
  SOURCES main.cpp ${sources}
  OPENAPI internal/api/openapi.gen.yaml)
file(GLOB_RECURSE migrations CONFIGURE_DEPENDS migrations/*.sql)
kit_embed(@name@ NAME migrations ROOT migrations FILES ${migrations})
)";

constexpr std::string_view make_text = R"(# make run: generate, build, serve http://127.0.0.1:8080/
# Kit is the installed one; a source checkout instead: make run KIT_ROOT=/src/kit (or once for all in kit.local.mk)
-include kit.local.mk

KIT_ROOT ?=
BUILD    ?= build/release
KITGEN   ?= $(or $(shell command -v kitgen),$(firstword $(wildcard $(KIT_ROOT)/build/*/kitgen/cli/kitgen)),kitgen)
CHECK    ?= $(firstword $(wildcard $(KIT_ROOT)/tools/check_layers.py $(dir $(KITGEN))../share/kit/check_layers.py))
# g++ 12 works too: make run CXX=g++
CXX      := $(if $(filter default,$(origin CXX)),$(or $(shell command -v clang++-19),g++),$(CXX))
unexport CXX
CMAKE_FLAGS ?=
# With it ccache keeps what uses kit's precompiled header.
export CCACHE_SLOPPINESS ?= pch_defines,time_macros

run: build  ## generate, build and serve
	$(BUILD)/@name@

dev:  ## the same, and again after every save
	$(KITGEN) dev

build: generate $(BUILD)/build.ninja  ## generate and compile
	cmake --build $(BUILD) --target @name@

$(BUILD)/build.ninja:
	cmake -S . -B $(BUILD) -G Ninja -DCMAKE_CXX_COMPILER=$(CXX) -DKIT_SOURCE_DIR=$(KIT_ROOT) $(CMAKE_FLAGS)

generate:  ## bring all generated files up to the schema
	$(KITGEN) generate --all

test: build  ## generated files up to date, layers kept, migrations go up and down
	$(KITGEN) generate --check
	python3 $(CHECK) .
	rm -rf build/test && mkdir -p build/test
	$(KITGEN) migrate up --database build/test/check.db
	$(KITGEN) migrate down --database build/test/check.db
	$(KITGEN) migrate up --database build/test/check.db
	$(BUILD)/@name@ config > /dev/null
	@echo PASS test

clean:  ## remove build/
	rm -rf build

help:
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

.PHONY: run dev build generate test clean help
)";

constexpr std::string_view base_text =
    R"(# Settings of every environment; `@name@ config` shows all there are, with their values and where they come from.
# Any of them can be given as KIT_HTTP_PORT=9000 or --http.port=9000 too.
http:
  address: 127.0.0.1   # 0.0.0.0 serves every network
  port: 8080

database:
  path: @name@.db
  # A server instead, best given as KIT_DATABASE_URL or with url_file: its password is nothing for this file.
  # url: postgresql://@name@:password@db.example/@name@
  # url: mysql://@name@:password@db.example/@name@

log:
  level: info
)";

constexpr std::string_view dev_text =
    R"(# On a developer's machine: bring the database to the schema without being asked.
database:
  migrate_on_start: true
)";

constexpr std::string_view staging_text = R"(# Like production, with the pages for people.
http:
  address: 0.0.0.0

database:
  path: /var/lib/@name@/@name@.db

log:
  format: json

app:
  pages: true
)";

constexpr std::string_view prod_text =
    R"(# Migrations are a step of their own (`@name@ migrate up`), the pages for people are off.
http:
  address: 0.0.0.0
  # The server does not start here in clear text. Either it ends TLS itself:
  # tls: {certificate: /etc/@name@/tls.pem, key: /etc/@name@/tls.key}
  # or a proxy or mesh beside it does, which is all that reaches it:
  # tls_elsewhere: true

# Who may come in and how much; `@name@ doctor --env prod` says what else is missing. The secret is nothing for this file:
# KIT_AUTH_SECRET (32 random bytes or more), or keys: a file with the public keys of whoever issues the tokens.
# auth:
#   audiences: [@name@]
# rate_limit:
#   requests_per_second: 100

database:
  path: /var/lib/@name@/@name@.db
  migrate_on_start: false

log:
  format: json

app:
  pages: false
)";

constexpr std::string_view layers_text =
    R"(# Who may include whom: a folder includes only folders on lower lines, so a cycle cannot be written down.
# `make test` holds the tree to this file.
root: internal .

line: main
line: internal
line: api data
line: service
line: biz
)";

constexpr std::string_view ignore_text = R"(/build/
/.kit/dev/
/.kit/lock
/.kit/stage/
/.kit/written/
/kit.local.mk
*.db
*.db-shm
*.db-wal
compile_commands.json
)";

constexpr std::string_view readme_text = R"(# @Label@

    make run      # then open http://127.0.0.1:8080/
    make dev      # the same, and every save is built, migrated and served
    make test
    make help

The schema is `api/@name@.yaml`. Change it and run `make generate`: files with `.gen` in their name are rewritten, all
others are yours, and what kitgen would start differently is merged into them. Your rules go into `internal/biz` and `internal/service`, beside the generated code.

A change of tables is a migration in `migrations`, up and down; `kitgen migrate plan --database @name@.db` shows what it
does, and `make run` applies it in development. A migration that ran anywhere stays as it is. `renamed_from:` and
`backfill:` in the schema say what becomes of the rows.

| folder | what |
|---|---|
| `internal/api` | routes and the OpenAPI document |
| `internal/service` | use cases |
| `internal/biz` | entities, validation, rules |
| `internal/data` | the SQL |
| `migrations` | the history of the SQLite database; `postgresql` and `mysql` in it are those of servers |
| `clients/typescript` | a typed client |
| `config` | settings: `base.yaml`, then that of the environment (`KIT_ENV`, `--env`) |

`.kit` remembers what kitgen wrote and what the migrations lead to: commit it.
)";

constexpr std::string_view format_text = R"(BasedOnStyle: Google
ColumnLimit: 100
DerivePointerAlignment: false
PointerAlignment: Left
IncludeBlocks: Regroup
AllowShortFunctionsOnASingleLine: Inline
)";

std::string filled(std::string_view text, const std::string& name, const std::string& service) {
  std::string result(text);
  const auto replace = [&](std::string_view mark, const std::string& value) {
    for (std::size_t at = result.find(mark); at != std::string::npos;
         at = result.find(mark, at + value.size())) {
      result.replace(at, mark.size(), value);
    }
  };
  replace("@name@", name);
  replace("@service@", service);
  replace("@Label@", model::to_label(name));
  return result;
}

}  // namespace

std::vector<File> render_project(const std::string& name, const std::string& service) {
  std::vector<File> files;
  const auto add = [&](std::string path, std::string_view text) {
    files.push_back({std::move(path), filled(text, name, service), Ownership::started, false});
  };
  add(".clang-format", format_text);
  add(".gitignore", ignore_text);
  add("CMakeLists.txt", cmake_text);
  add("Makefile", make_text);
  add("README.md", readme_text);
  add("api/" + name + ".yaml", schema_text);
  add("config/base.yaml", base_text);
  add("config/dev.yaml", dev_text);
  add("config/prod.yaml", prod_text);
  add("config/staging.yaml", staging_text);
  add("layers.txt", layers_text);
  add("main.cpp", main_text);
  return files;
}

}  // namespace kitgen::render
