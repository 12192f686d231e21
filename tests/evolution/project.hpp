// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/model/model.hpp"
#include "tests/evolution/case.hpp"

namespace evolution {

/// A version of the schema, checked.
struct Version {
  std::string yaml;
  kitgen::model::Service service;
};

/// A project whose schema changes once: kitgen itself, or what it is made of.
class Project {
 public:
  virtual ~Project() = default;
  virtual const std::string& database() const = 0;  ///< The path of the file.
  /// Writes the first migration and applies it.
  virtual kit::Result<> start(const Version& version) = 0;
  /// Writes the migration to the next version. `drops` is what is gone and not renamed. Fails when
  /// the change is refused; nothing has changed then.
  virtual kit::Result<> evolve(const Version& version, const std::vector<std::string>& drops) = 0;
  virtual kit::Result<> up() = 0;
  virtual kit::Result<> down() = 0;
  /// Everything that migrations say, for reports.
  virtual std::string sql() const = 0;
};

/// In this process: fast.
std::unique_ptr<Project> make_linked_project(const Options& options);
/// Through the program, in a folder of its own.
std::unique_ptr<Project> make_program_project(const Options& options);

}  // namespace evolution
