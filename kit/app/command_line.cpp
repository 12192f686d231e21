// SPDX-License-Identifier: Apache-2.0
#include "kit/app/command_line.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "kit/base/text.hpp"

namespace kit::app {
namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view examples;                  ///< "@" stands for the program's name.
  std::span<const std::string_view> options;  ///< Besides those that every command has.
  std::size_t max_arguments;
};

constexpr std::array<std::string_view, 3> import_options{"--dir", "--format", "--dry-run"};
constexpr std::array<std::string_view, 2> export_options{"--dir", "--format"};
constexpr std::array<std::string_view, 1> migrate_options{"--allow-destructive"};
constexpr std::array<std::string_view, 3> common_options{"--config", "--env", "--help"};
constexpr std::size_t any_number = 1000;

constexpr std::array<std::string_view, 1> doctor_options{"--format"};

constexpr std::array<Command, 12> commands{{
    {"serve",
     "Serve the API, the start page and the reference (what happens without a command)",
     "  @\n  @ --http.port=9000\n  @ serve --env prod --database.path=/var/lib/@/@.db\n",
     {},
     0},
    {"migrate", "Bring the database's schema up or down, or show where it stands",
     "  @ migrate status        what was applied, and when\n"
     "  @ migrate plan          the SQL that `up` would run\n"
     "  @ migrate up            apply what is pending\n"
     "  @ migrate down          undo the last step\n"
     "  @ migrate down 2        undo the last two\n"
     "  @ migrate up --allow-destructive   also what loses data, after a backup\n",
     migrate_options, 2},
    {"import",
     "Read CSV files or workbooks (.xlsx) into the database; all of a file or nothing of it",
     "  @ import                        every file of the folder import.directory names\n"
     "  @ import --dir data Artist Album\n"
     "  @ import --dry-run              check everything, keep nothing\n",
     import_options, any_number},
    {"export",
     "Write the rows as CSV files (or workbooks) that `import` reads: the columns of the import "
     "maps, without deleted rows. No backup",
     "  @ export --dir backup\n  @ export --dir backup Customer Invoice\n"
     "  @ export --dir backup --format xlsx\n",
     export_options, any_number},
    {"db",
     "Copy the database (SQLite) while the server writes to it, or look whether it is sound",
     "  @ db backup copy.db        in one state, checked, never over a file that exists\n"
     "  @ db check                 reads all of it\n",
     {},
     2},
    {"events",
     "Look at events that could not be delivered, and decide what becomes of them",
     "  @ events                how many wait\n"
     "  @ events dead           those that were given up, with why\n"
     "  @ events retry 17       try one again; those behind it follow\n"
     "  @ events retry all\n"
     "  @ events drop 17        give one up for good; those behind it go on\n",
     {},
     2},
    {"jobs",
     "Show what is done by schedule and what became of it, or do one of them now",
     "  @ jobs list                     when each runs next, and how the last run ended\n"
     "  @ jobs run nightly_totals       now, unless an instance runs it already\n",
     {},
     2},
    {"credentials",
     "Say who may no longer come in, on every instance within a second, and manage API keys",
     "  @ credentials disable ann            no token and no key of hers is taken\n"
     "  @ credentials enable ann\n"
     "  @ credentials end-sessions ann       tokens from before are refused: a new password\n"
     "  @ credentials keys create robot read:orders   prints the key, once\n"
     "  @ credentials keys list robot\n"
     "  @ credentials keys revoke 0f3c5a9e12b84d67\n",
     {},
     any_number},
    {"config",
     "Show every setting, its value and where it comes from",
     "  @ config\n  @ config --env prod\n",
     {},
     0},
    {"doctor",
     "Say what production would suffer from: TLS, secrets, limits, files. A server does not start "
     "in "
     "prod with what is fatal",
     "  @ doctor --env prod                 exit code 0: nothing fatal, 1: something is\n"
     "  @ doctor --env prod --format json   the same for machines\n",
     doctor_options, 0},
    {"help", "This text, or that of one command", "  @ help import\n", {}, 1},
    {"version", "The versions of the API and of kit", "  @ version\n", {}, 0},
}};

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(commands, name, &Command::name);
  return found == commands.end() ? nullptr : &*found;
}

std::vector<std::string_view> command_names() {
  std::vector<std::string_view> names;
  for (const Command& command : commands) names.push_back(command.name);
  return names;
}

/// Reads words one after the other.
class Parser {
 public:
  explicit Parser(std::span<const char* const> words) : words_(words) {}

  Result<CommandLine> parse() {
    while (at_ < words_.size()) {
      const std::string_view word = words_[at_++];
      if (word == "-h" || word == "--help") {
        line_.help = true;
      } else if (word == "--version") {
        KIT_TRY(set_command("version"));
      } else if (word.starts_with("-") && word.size() > 1) {
        KIT_TRY(option(word));
      } else if (!line_.command_given) {
        KIT_TRY(set_command(word));
      } else {
        line_.arguments.emplace_back(word);
      }
    }
    KIT_TRY(check());
    return std::move(line_);
  }

 private:
  Result<> set_command(std::string_view word) {
    if (find_command(word) == nullptr) {
      const std::vector<std::string_view> names = command_names();
      return Error(Code::invalid_argument,
                   "there is no command '" + std::string(word) + "'" + did_you_mean(word, names));
    }
    line_.command = word;
    line_.command_given = true;
    return {};
  }

  Result<> option(std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const bool is_flag = name == "--dry-run" || name == "--allow-destructive";
    if (is_flag && equals == std::string_view::npos) {
      (name == "--dry-run" ? line_.dry_run : line_.allow_destructive) = true;
      given_.push_back(name);
      return {};
    }
    const bool setting = name.starts_with("--") && name.find('.') != std::string_view::npos;
    const auto known = {std::string_view("--config"), std::string_view("--env"),
                        std::string_view("--dir"), std::string_view("--format")};
    if (!setting && std::ranges::find(known, name) == known.end()) {
      const std::array<std::string_view, 7> names{
          "--config", "--env", "--dir", "--format", "--dry-run", "--help", "--allow-destructive"};
      return Error(Code::invalid_argument,
                   "there is no option '" + std::string(name) + "'" + did_you_mean(name, names));
    }
    std::string value;
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (at_ < words_.size()) {
      value = words_[at_++];
    } else {
      return Error(Code::invalid_argument, "the option " + std::string(name) +
                                               " needs a value: " + std::string(name) + "=...");
    }
    if (setting) {
      line_.settings.emplace_back(std::string(name.substr(2)), std::move(value));
      return {};
    }
    given_.push_back(name);
    if (name == "--config") {
      line_.config_folder = std::move(value);
      line_.config_folder_given = true;
    } else if (name == "--format") {
      line_.format = std::move(value);
    } else {
      (name == "--env" ? line_.environment : line_.folder) = std::move(value);
    }
    return {};
  }

  Result<> check() const {
    if (line_.help) return {};
    const Command& command = *find_command(line_.command);
    for (const std::string_view name : given_) {
      if (std::ranges::find(common_options, name) == common_options.end() &&
          std::ranges::find(command.options, name) == command.options.end()) {
        return Error(Code::invalid_argument,
                     "the command " + line_.command + " has no option " + std::string(name));
      }
    }
    if (line_.arguments.size() > command.max_arguments) {
      return Error(Code::invalid_argument, "the command " + line_.command + " does not take '" +
                                               line_.arguments[command.max_arguments] + "'");
    }
    return {};
  }

  std::span<const char* const> words_;
  std::size_t at_ = 0;
  std::vector<std::string_view> given_;
  CommandLine line_;
};

std::string with_name(std::string_view text, std::string_view program) {
  std::string out;
  for (const char c : text) {
    if (c == '@') {
      out += program;
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_text(std::string_view option, std::string_view command) {
  if (option == "--dir")
    return "  --dir DIR            the folder of the files (import: import.directory)\n";
  if (option == "--format" && command == "doctor")
    return "  --format FORMAT      text or json (text)\n";
  if (option == "--format")
    return "  --format FORMAT      csv or xlsx (import: what is there, export: csv)\n";
  if (option == "--allow-destructive")
    return "  --allow-destructive  up: apply steps that lose data\n";
  return "  --dry-run            check everything, keep nothing\n";
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  const auto words = std::span(argv, static_cast<std::size_t>(std::max(argc, 0)));
  return Parser(words.empty() ? words : words.subspan(1)).parse();
}

std::string help_text(std::string_view program, std::string_view command_name) {
  std::string text;
  if (const Command* one = find_command(command_name); one != nullptr && one->name != "help") {
    text = with_name(one->examples, program) + '\n' + std::string(one->summary) + ".\n";
    if (!one->options.empty()) text += "\nOptions\n";
    for (const std::string_view option : one->options) text += option_text(option, one->name);
  } else {
    text = with_name(
        "  @                              serve at http://127.0.0.1:8080/\n"
        "  @ --http.port=9000             on another port\n"
        "  @ import --dir data            read CSV files or workbooks\n"
        "  @ migrate status               where the database stands\n"
        "  @ config                       every setting and where it comes from\n\nCommands\n",
        program);
    for (const Command& command : commands) {
      text += "  " + std::string(command.name) + std::string(13 - command.name.size(), ' ') +
              std::string(command.summary) + '\n';
    }
  }
  text +=
      "\nOptions of every command\n"
      "  --config DIR         the folder of base.yaml and <env>.yaml (config)\n"
      "  --env NAME           dev, staging or prod (KIT_ENV, else dev)\n"
      "  --<setting>=VALUE    any setting, as `config` names them: --http.port=9000\n"
      "  --help               this text\n";
  return text;
}

}  // namespace kit::app
