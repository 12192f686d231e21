// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/schema_commands.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "kit/base/text.hpp"
#include "kitgen/adopt/adopt.hpp"
#include "kitgen/adopt/readers.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/lines.hpp"
#include "kitgen/cli/parser.hpp"
#include "kitgen/cli/root.hpp"
#include "kitgen/model/json_schema.hpp"
#include "kitgen/model/naming.hpp"
#include "kitgen/schema/format.hpp"
#include "kitgen/schema/source.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;
using kit::Code;
using kit::Error;
using kit::Result;

constexpr std::string_view verbs[] = {"from-db", "fmt", "json-schema"};

/// Puts the text into the place of the file in one step.
Result<> replace_file(const std::string& path, std::string_view text) {
  std::error_code code;
  const fs::path target = fs::weakly_canonical(fs::absolute(path), code);  // a link stays one
  if (code) return Error(Code::failed_precondition, path + ": " + code.message());
  auto root = Root::open(target.parent_path().string());
  if (!root) return std::move(root).error();
  const std::string name = target.filename().string();
  const std::string draft = "." + name + ".kitgen";
  KIT_TRY(root->write(draft, text, false));
  if (const fs::file_status status = fs::status(target, code); fs::exists(status))
    fs::permissions(target.parent_path() / draft, status.permissions(), code);
  KIT_TRY(root->sync());
  KIT_TRY(root->rename(draft, name));
  return root->sync();
}

Result<> check_output(const std::string& output) {
  std::error_code code;
  if (fs::exists(output, code)) {
    return Error(Code::already_exists,
                 output + " is there already; name another file, or remove that one first");
  }
  const fs::path folder = fs::absolute(output, code).parent_path();
  if (!fs::is_directory(folder, code))
    return Error(Code::not_found, "there is no folder " + folder.string());
  return {};
}

/// What comes after a schema was written: it belongs into a project.
std::string next_step(const std::string& output, const std::string& service) {
  std::error_code code;
  const fs::path folder = fs::absolute(output, code).lexically_normal().parent_path();
  if (folder.filename() == "api" && fs::exists(folder.parent_path() / "CMakeLists.txt", code)) {
    const fs::path here = fs::current_path(code);
    const std::string project =
        folder.parent_path() == here ? "" : " --project " + folder.parent_path().string();
    return "Next: kitgen generate" + project + "\n";
  }
  const std::string name = service.empty() ? "shop" : service;
  return "Next: kitgen new " + name + ", put this file into the place of " + name + "/api/" + name +
         ".yaml,\n  then kitgen generate --project " + name + " --recreate-migrations\n";
}

void tell(const adopt::Adopted& adopted, const std::string& output) {
  std::string text;
  for (const std::string& note : adopted.notes) text += "  " + note + "\n";
  const auto counted = [](std::size_t count, std::string_view one, std::string_view many) {
    return std::to_string(count) + " " + std::string(count == 1 ? one : many);
  };
  const std::size_t notes = adopted.notes.size();
  text = (output.empty() ? "" : "Wrote " + output + ": ") +
         counted(adopted.entities, "entity", "entities") + ", " +
         counted(adopted.fields, "field", "fields") + ", " +
         counted(adopted.relations, "relation", "relations") + "; " +
         counted(notes, "note", "notes") + (notes == 0 ? ".\n" : ", also in the schema:\n") + text;
  std::fputs(text.c_str(), stderr);
}

int run_from_db(std::vector<std::string> words) {
  std::string database;
  std::string output;
  std::string service;
  std::string tables;
  adopt::ReadOptions options;
  Parser parser("schema from-db");
  parser.option("--database", database, "shop.db");
  parser.option("--output", output, "api/shop.yaml");
  parser.option("--service", service, "shop");
  parser.option("--tables", tables, "film,actor");
  parser.option("--namespace", options.schema, "public");
  if (const auto code = parser.parse(std::move(words))) return *code;
  if (database.empty()) return usage_error("which database? --database shop.db", "schema from-db");
  if (!service.empty() && !model::is_snake_case(service))
    return usage_error("--service must be lower-case words joined by underscores",
                       "schema from-db");
  for (const std::string_view table : kit::split(tables, ',')) {
    if (!table.empty()) options.tables.emplace_back(kit::trim(table));
  }
  if (!output.empty()) {
    if (const auto checked = check_output(output); !checked) return fail(checked.error());
  }
  if (const char* password = std::getenv("KITGEN_DB_PASSWORD"))  // NOLINT(concurrency-mt-unsafe)
    options.password = password;
  const auto catalogue = adopt::read_database(database, options);
  if (!catalogue) return fail(catalogue.error());
  for (const std::string& table : options.tables) {
    if (std::ranges::find(catalogue->tables, table, &adopt::Table::name) ==
        catalogue->tables.end()) {
      print_error("the database has no table '" + table + "'");
      return failed;
    }
  }
  const auto adopted = adopt::adopt(*catalogue, service);
  if (!adopted) return fail(adopted.error());
  if (output.empty()) {
    print(adopted->schema);
  } else if (const auto written = replace_file(output, adopted->schema); !written) {
    return fail(written.error());
  }
  tell(*adopted, output);
  if (!output.empty()) std::fputs(next_step(output, service).c_str(), stderr);
  return ok;
}

int run_json_schema(std::vector<std::string> words) {
  Parser parser("schema json-schema");
  if (const auto code = parser.parse(std::move(words))) return *code;
  print(model::json_schema());
  return ok;
}

std::vector<std::string> schemas_here() {
  std::vector<std::string> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("api", code)) {
    const std::string extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml") found.push_back(entry.path().string());
  }
  std::ranges::sort(found);
  return found;
}

/// Whether the file has the usual layout now (or, with `check`, already); told otherwise.
bool format_file(const std::string& path, bool check) {
  auto text = schema::read_file(path);
  if (!text) {
    print_error(path + ": " + std::string(text.error().message()));
    return false;
  }
  const schema::Source source(path, *text);
  schema::Diagnostics diagnostics(source);
  std::optional<std::string> formatted = schema::format(source, diagnostics);
  if (!formatted) {
    print_error(schema::to_string(diagnostics.take()));
    return false;
  }
  // Line ends and a byte order mark stay as the file has them.
  formatted = in_the_form_of(*text, *formatted);
  if (*formatted == *text) return true;
  if (check) {
    print_error(path + " is not in the usual layout: kitgen schema fmt " + path);
    return false;
  }
  if (const auto written = replace_file(path, *formatted); !written) {
    print_error(path + ": " + std::string(written.error().message()));
    return false;
  }
  print("  laid out " + path + "\n");
  return true;
}

int run_fmt(std::vector<std::string> words) {
  bool check = false;
  std::vector<std::string> files;
  for (const std::string& word : words) {
    if (!word.starts_with("-")) files.push_back(word);
  }
  std::erase_if(words, [](const std::string& word) { return !word.starts_with("-"); });
  Parser parser("schema fmt");
  parser.flag("--check", check);
  if (const auto code = parser.parse(std::move(words))) return *code;
  if (files.empty()) files = schemas_here();
  if (files.empty()) {
    print_error("there is no api/*.yaml here; name the schema: kitgen schema fmt api/shop.yaml");
    return failed;
  }
  bool good = true;
  for (const std::string& file : files) good = format_file(file, check) && good;
  return good ? ok : failed;
}

}  // namespace

int run_schema(std::vector<std::string> words) {
  if (words.empty()) return usage_error("schema needs one of: from-db, fmt, json-schema", "schema");
  const std::string verb = words.front();
  words.erase(words.begin());
  if (verb == "--help" || verb == "-h") {
    print(help_of_schema);
    return ok;
  }
  if (verb == "from-db") return run_from_db(std::move(words));
  if (verb == "fmt") return run_fmt(std::move(words));
  if (verb == "json-schema") return run_json_schema(std::move(words));
  return usage_error("there is no 'schema " + verb + "'" + kit::did_you_mean(verb, verbs),
                     "schema");
}

}  // namespace kitgen::cli
