// SPDX-License-Identifier: Apache-2.0
#include "kit/async/run.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "kit/app/application.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/commands.hpp"
#include "kit/app/doctor.hpp"
#include "kit/app/events.hpp"
#include "kit/app/serve.hpp"
#include "kit/app/settings.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/log/log.hpp"
#include "kit/log/sink.hpp"
#include "kit/middleware/bundle.hpp"

namespace kit::app {
namespace {

constexpr int success = 0;
constexpr int failure = 1;
constexpr int misuse = 2;  // the command line or the configuration is wrong

int complain(std::string_view program, const Error& error, int status) {
  log::flush();
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
               error.message().c_str());
  for (const FieldViolation& violation : error.violations()) {
    if (error.message().find(violation.description) == std::string::npos) {
      std::fprintf(stderr, "  %s: %s\n", violation.field.c_str(), violation.description.c_str());
    }
  }
  return status;
}

void configure_log(const Settings::Log& settings) {
  log::Options options;
  options.format = settings.format;
  log::configure(options);
  log::flush_on_crash();
}

/// The exit code: whether production may have it.
Result<int> doctor_command(const Application& application, const LoadedSettings& loaded,
                           const CommandLine& line) {
  if (!line.format.empty() && line.format != "text" && line.format != "json") {
    return Error(Code::invalid_argument, "--format is text or json, not '" + line.format + "'");
  }
  const Surroundings surroundings = Surroundings::look(application);
  const std::vector<Finding> findings = check_production(loaded, surroundings);
  const std::string& environment = loaded.settings.app.environment;
  const std::string report = line.format == "json" ? report_json(findings, environment)
                                                   : report_text(findings, environment);
  std::fputs(report.c_str(), stdout);
  const bool unfit = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::fatal; });
  return unfit ? failure : success;
}

Task<> dispatch(Application& application, const CommandLine& line, LoadedSettings& loaded,
                LoadAgain& load) {
  if (line.command == "serve") return serve(application, loaded, load);
  const Settings& settings = loaded.settings;
  if (line.command == "migrate") return migrate_command(application, settings, line);
  if (line.command == "db") return db_command(settings, line);
  if (line.command == "events") return events_command(application, settings, line);
  if (line.command == "import") return import_command(application, settings, line);
  if (line.command == "credentials") return credentials_command(application, settings, line);
  if (line.command == "jobs") return jobs_command(application, settings, line);
  return export_command(application, settings, line);
}

/// Everything the command made is gone when this ends, while the loop still turns.
Task<> run_command(Application& application, const CommandLine& line, LoadedSettings& loaded,
                   LoadAgain& load) {
  Task<> command = dispatch(application, line, loaded, load);
  Result<> result = co_await as_result(std::move(command));
  if (!result) co_await std::move(result);
}

}  // namespace

int run(int argc, char** argv, Application application) {
  const std::string_view name = application.name;
  auto line = parse_command_line(argc, argv);
  if (!line) {
    complain(name, line.error(), misuse);
    std::fprintf(stderr, "Try: %.*s help\n", static_cast<int>(name.size()), name.data());
    return misuse;
  }
  if (line->help || line->command == "help") {
    const bool named = line->command == "help" && !line->arguments.empty();
    const std::string about = named ? line->arguments.front() : line->command;
    std::fputs(help_text(name, named || line->command_given ? about : "").c_str(), stdout);
    return success;
  }
  if (line->command == "version") {
    std::printf("%.*s API %.*s, kit %s\n", static_cast<int>(name.size()), name.data(),
                static_cast<int>(application.version.size()), application.version.data(),
                KIT_VERSION);
    return success;
  }
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  // What the program says itself, before it is served with what the configuration says of it.
  const middleware::Options own =
      application.bundle == nullptr ? middleware::Options() : application.bundle->options();
  LoadAgain load = [&] { return load_settings(*line, name, variables, own); };
  auto loaded = load();
  if (!loaded) return complain(name, loaded.error(), misuse);
  if (line->command == "config") {
    std::fputs(loaded->dump.c_str(), stdout);
    return success;
  }
  if (line->command == "doctor") {
    const auto status = doctor_command(application, *loaded, *line);
    return status ? *status : complain(name, status.error(), misuse);
  }
  const Settings& settings = loaded->settings;
  configure_log(settings.log);
  if (auto levels = apply_log_levels(settings.log); !levels)
    return complain(name, levels.error(), misuse);
  if (line->command == "serve") {
    const Surroundings surroundings = Surroundings::look(application);
    if (auto fit = refuse_unfit(*loaded, surroundings); !fit) {
      return complain(name, fit.error(), failure);
    }
    if (settings.app.environment == "prod") hide_memory();
  }

  auto loop = make_epoll_loop();
  if (!loop) return complain(name, loop.error(), failure);
  Result<> result = kit::run(**loop, run_command(application, *line, *loaded, load));
  log::flush();
  if (result) return success;
  return complain(name, result.error(),
                  result.error().code() == Code::invalid_argument ? misuse : failure);
}

}  // namespace kit::app
