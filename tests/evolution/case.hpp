// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/evolution/store.hpp"

namespace evolution {

/// A defect that the test puts behind the migration, to show that it sees one.
enum class Fault : std::uint8_t { none, value, index, sequence, refusal, down };

struct Options {
  std::string folder;  ///< For files.
  std::string kitgen;  ///< The program; "": what is linked in.
  Backend backend = Backend::sqlite;
  std::string url;  ///< Of the server.
  Fault fault = Fault::none;
  bool keep = false;  ///< Leave the files of a case.
};

/// `place` as `Project::database` gives it.
std::unique_ptr<Store> open_store(const Options& options, const std::string& place);
/// Empties a place of a server.
void clear_store(const Options& options, const std::string& place);

struct Verdict {
  std::string failure;                  ///< "" when all is well.
  bool was_refused_as_planned = false;  ///< By the plan.
  bool was_refused_by_rows = false;
  std::size_t rows = 0;
  std::size_t edits = 0;
};

/// One random schema, its rows, random edits, up, down and up again: the same for the same seed.
Verdict run_case(std::uint64_t seed, const Options& options);

/// The same with fewer edits, as few as still fail. Returns its report.
std::string shrink(std::uint64_t seed, const Options& options);

}  // namespace evolution
