// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::app {

struct Application;     // kit/app/application.hpp
struct LoadedSettings;  // kit/app/settings.hpp

/// How bad it is: with a fatal one a server does not start in the environment prod.
enum class Severity : std::uint8_t { fatal, warning };

/// What is wrong with a program that is to serve in production.
struct Finding {
  Severity severity = Severity::warning;
  std::string_view check;  ///< Stable, for machines: "tls.off".
  std::string message;     ///< What is wrong, and where.
  std::string advice;      ///< What to do about it.
};

/// What is known besides the settings.
struct Surroundings {
  bool is_root = false;
  std::uint64_t descriptors = 0;  ///< Most open files of the process; 0: not known.
  unsigned processors = 1;
  /// The program says who a request comes from by code of its own.
  bool identifies_callers = false;

  /// Of this process.
  static Surroundings look(const Application& application);
};

/// Everything that production would suffer from, the fatal ones first. Reads the modes of the files
/// that the settings name; changes nothing.
std::vector<Finding> check_production(const LoadedSettings& loaded,
                                      const Surroundings& surroundings);

/// For people: a line for each finding with its advice, and a last one that sums up.
std::string report_text(const std::vector<Finding>& findings, std::string_view environment);
/// For machines: {"environment": "prod", "fatal": 1, "warnings": 0, "findings": [{"severity":
/// "fatal", "check": "tls.off", "message": "...", "advice": "..."}]}.
std::string report_json(const std::vector<Finding>& findings, std::string_view environment);

/// Fails with `failed_precondition`, naming every fatal finding, in the environment prod; logs the
/// others there. Elsewhere only secrets that anybody can guess are refused, in staging too.
Result<> refuse_unfit(const LoadedSettings& loaded, const Surroundings& surroundings);

/// Ends what a crash would show of the memory of a process in production: no core file, and no
/// other process of the user may look into this one.
void hide_memory();

}  // namespace kit::app
