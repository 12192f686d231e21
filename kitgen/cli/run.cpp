// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/config/codec.hpp"
#include "kitgen/cli/command.hpp"
#include "kitgen/cli/db_command.hpp"
#include "kitgen/cli/help_texts.hpp"
#include "kitgen/cli/parser.hpp"
#include "kitgen/cli/schema_commands.hpp"
#include "kitgen/cli/server_migrations.hpp"
#include "kitgen/model/naming.hpp"

namespace kitgen::cli {
namespace {

int unknown_command(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) names.push_back(command.name);
  return usage_error(
      "there is no command '" + std::string(name) + "'" + kit::did_you_mean(name, names), "");
}

int help(const std::vector<std::string>& words) {
  if (words.empty()) {
    print(help_of_all());
    return ok;
  }
  const Command* command = find_command(words.front());
  if (words.size() > 1) {  // schema from-db
    if (const Command* verb = find_command(words[0] + " " + words[1])) command = verb;
  }
  if (command == nullptr) return unknown_command(words.front());
  print(command->help.empty() ? help_of_all() : command->help);
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
int run_in_program(const std::string& command, const std::vector<std::string>& words) {
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
    std::fwrite(help_of_all().data(), 1, help_of_all().size(), stderr);
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
  if (command == "import" || command == "export" || command == "doctor") {
    return run_in_program(command, words);
  }
  return unknown_command(command);
}

}  // namespace kitgen::cli
