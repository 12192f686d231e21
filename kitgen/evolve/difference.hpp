// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kitgen/evolve/catalogue.hpp"

namespace kitgen::evolve {

/// Something of the schema that cannot be carried out as it stands.
struct Problem {
  int line = 0;  ///< In the schema; 0: the schema as a whole.
  int position = 0;
  std::string message;
  std::string remedy;
  std::string file;  ///< The included file of that line; "": the schema.
};

/// Whether something that is gone and something new are the same.
struct Question {
  std::string from;  ///< "customers.telephone", or "clients" for a table
  std::string to;    ///< "phone", "customers": as --rename takes it
  bool is_table = false;
  int line = 0;  ///< Of the new one in the schema.
  int position = 0;
  std::string hint;  ///< What to write into the schema: "renamed_from: telephone"
  std::string file;
};

/// Answers of a person.
struct Decisions {
  std::vector<std::pair<std::string, std::string>> renames;  ///< {"customers.telephone", "phone"}
  std::vector<std::string> drops;  ///< "customers.telephone", "clients": gone, not renamed.
  std::vector<std::pair<std::string, std::string>> denied;  ///< As renames, answered with no.
};

/// A column on both sides, by its name on each.
struct ColumnMatch {
  std::string from;
  std::string to;
  std::vector<std::pair<std::string, std::string>> values;  ///< Renamed values of an enum.
};

struct TableMatch {
  std::string from;
  std::string to;
  std::vector<ColumnMatch> columns;
};

/// What became of what. All that is not matched is new or gone.
struct Difference {
  std::vector<TableMatch> tables;
  std::vector<Question> questions;  ///< Not empty: ask first.
  std::vector<Problem> problems;    ///< Not empty: it can not be carried out.
  /// Decisions about nothing: slips, unless another set of migrations has what they are about.
  std::vector<Problem> slips;

  const TableMatch* from(std::string_view table) const;
  const TableMatch* to(std::string_view table) const;
  /// The way back.
  Difference inverted() const;
};

/// Matches by entity and name, then by `renamed_from`, then by the decisions. A table or column
/// that is gone and a new one that looks alike is a question. `renamed_from` that was carried out
/// long ago does no harm.
Difference difference(const Catalogue& a, const Catalogue& b, const Decisions& decisions = {});

}  // namespace kitgen::evolve
