// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/csv/csv.hpp"
#include "kit/db/import.hpp"

namespace kit::db::detail {

/// Told of one file at most.
inline constexpr std::size_t max_problems = 1000;

/// A failure that says something about the record; others say something about the database.
inline bool is_about_record(const Error& error) {
  switch (error.code()) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::already_exists:
    case Code::failed_precondition:
    case Code::out_of_range:
      return true;
    default:
      return false;
  }
}

/// A failure of several records together that one by one they may not have: what a database refuses
/// to do in bulk (COPY, where a policy limits rows), or a row that a trigger has changed since the
/// batch began.
inline bool is_about_batch(const Error& error) {
  switch (error.code()) {
    case Code::permission_denied:
    case Code::unimplemented:
    case Code::internal:
      return true;
    default:
      return is_about_record(error) || error.reason() == "VERSION_MISMATCH";
  }
}

inline void add_problem(ImportReport& report, std::size_t line, std::string column,
                        std::string description) {
  if (report.problems.size() < max_problems) {
    report.problems.push_back({line, std::move(column), std::move(description)});
  }
}

inline void add_problems(ImportReport& report, std::size_t line, const Error& error) {
  if (error.violations().empty()) add_problem(report, line, "", error.message());
  for (const FieldViolation& violation : error.violations()) {
    add_problem(report, line, violation.field, violation.description);
  }
}

/// Where the target's columns stand in the file.
class Header {
 public:
  /// False when the file does not have the columns it should; the report says which.
  bool read(const csv::Record& record, std::span<const std::string_view> wanted,
            ImportReport& report) {
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
      const std::string_view name = record.fields[i].value_or("");
      if (std::ranges::find(wanted, name) == wanted.end()) {
        add_problem(report, record.line, std::string(name),
                    "is not a column of " + report.target + did_you_mean(name, wanted));
      } else if (std::ranges::count(record.fields.first(i), record.fields[i]) != 0) {
        add_problem(report, record.line, std::string(name), "is given twice");
      }
    }
    for (const std::string_view name : wanted) {
      const auto found = std::ranges::find(record.fields, name);
      if (found == record.fields.end()) {
        add_problem(report, record.line, std::string(name), "is missing");
      }
      places_.push_back(static_cast<std::size_t>(found - record.fields.begin()));
    }
    return report.problems.empty();
  }

  /// The fields of a record in the order of the target's columns. Lifetime: until the next call.
  std::span<const csv::Field> order(const csv::Record& record, bool guarded) {
    fields_.clear();
    for (const std::size_t place : places_) {
      csv::Field& field = fields_.emplace_back(record.fields[place]);
      if (guarded && field) field = csv::unguarded(*field);
    }
    return fields_;
  }

 private:
  std::vector<std::size_t> places_;
  std::vector<csv::Field> fields_;
};

/// The keys of a file so far. Of each only 64 bits of its SHA-256 are kept: in one of 30 million
/// files with a million records two keys have the same.
class Keys {
 public:
  /// The line on which the same key was given before; nothing for a new key, or one that is not
  /// whole.
  std::optional<std::size_t> add(std::span<const csv::Field> key, std::size_t line) {
    Sha256 sum;
    for (const csv::Field& field : key) {
      if (!field) return std::nullopt;
      sum.add(*field);
      sum.add(std::string_view("\0", 1));  // which no field holds
    }
    const auto part = sum.finish().substr(0, 16);
    std::uint64_t hash = 0;
    std::from_chars(part.data(), part.data() + part.size(), hash, 16);
    const auto [place, is_new] = lines_.try_emplace(hash, line);
    return is_new ? std::nullopt : std::optional(place->second);
  }

 private:
  std::unordered_map<std::uint64_t, std::size_t> lines_;
};

inline void count(ImportReport& report, Stored stored) {
  if (stored == Stored::inserted) ++report.inserted;
  if (stored == Stored::updated) ++report.updated;
  if (stored == Stored::unchanged) ++report.unchanged;
}

}  // namespace kit::db::detail
