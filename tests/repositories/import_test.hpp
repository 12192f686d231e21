// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/db/import.hpp"
#include "kit/db/import_lock.hpp"
#include "project_test.hpp"

namespace kit::tests {

/// The same target, but each record is stored by itself.
class OneByOne final : public db::ImportTarget {
 public:
  explicit OneByOne(db::ImportTarget& inner) : inner_(inner) {}

  std::string_view name() const override { return inner_.name(); }
  std::string_view file() const override { return inner_.file(); }
  std::span<const std::string_view> columns() const override { return inner_.columns(); }
  std::size_t key_columns() const override { return inner_.key_columns(); }
  Task<db::Stored> store(db::Session& session, std::span<const csv::Field> fields) override {
    return inner_.store(session, fields);
  }
  bool has_late_references() const override { return inner_.has_late_references(); }
  Task<> verify(db::Session& session, std::span<const csv::Field> fields) override {
    return inner_.verify(session, fields);
  }
  Task<> each(db::Session& session, db::RecordSink sink) override {
    return inner_.each(session, sink);
  }

 private:
  db::ImportTarget& inner_;
};

/// "3 inserted, 1 updated, 0 unchanged", or what is wrong: "4 Email: is taken" and so on.
inline std::string text_of(const db::ImportReport& report) {
  std::string text;
  for (const db::RowProblem& problem : report.problems) {
    if (!text.empty()) text.push_back('\n');
    text.append(std::to_string(problem.line)).append(" ").append(problem.column);
    text.append(": ").append(problem.description);
  }
  if (!text.empty()) return text;
  return std::to_string(report.inserted) + " inserted, " + std::to_string(report.updated) +
         " updated, " + std::to_string(report.unchanged) + " unchanged";
}

/// With T for each time: "2026-11-29T15:41:10.432526Z".
inline std::string without_times(std::string text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000000Z";
  const auto fits = [&](std::size_t start) {
    for (std::size_t i = 0; i < form.size(); ++i) {
      const char c = text[start + i];
      if (form[i] == '0' ? c < '0' || c > '9' : c != form[i]) return false;
    }
    return true;
  };
  for (std::size_t i = 0; i + form.size() <= text.size(); ++i) {
    if (fits(i)) text.replace(i, form.size(), "T");
  }
  return text;
}

/// Where two texts part; "" when they are the same.
inline std::string first_difference(const std::string& a, const std::string& b) {
  if (a == b) return "";
  const auto place = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  const std::size_t start = place < 60 ? 0 : place - 60;
  return "..." + a.substr(start, 200) + "...\n..." + b.substr(start, 200) + "...";
}

/// Imports files into one of a project's tables.
class FileImports {
 public:
  explicit FileImports(db::Database& database) : database_(database) {}

  std::string write(const std::string& text) {
    const std::string path = ::testing::TempDir() + "kit_import_rows_" + std::to_string(::getpid());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Task<std::string> import(db::ImportTarget& target, std::string text,
                           db::ImportOptions options = {}) {
    const std::string path = write(text);
    db::ImportReport report = co_await db::import_file(database_, target, path, std::move(options));
    co_return text_of(report);
  }
  /// What is said of the file, and of a good one the first columns that the queries read then.
  /// Nothing is kept.
  Task<std::string> try_out(db::ImportTarget& target, std::string text,
                            std::vector<std::string> queries) {
    const std::string path = write(text);
    co_await db::prepare_imports(database_);
    const std::unique_ptr<db::Transaction> unit = co_await db::begin_import(database_);
    db::ImportOptions options;
    db::ImportReport report = co_await db::import_into(*unit, target, path, std::move(options));
    std::string found = text_of(report);
    if (!report.problems.empty()) co_return found;
    for (const std::string& sql : queries) {
      std::string rows = co_await read_text(*unit, sql);
      found.append("\n").append(without_times(std::move(rows)));
    }
    co_return found;
  }

 private:
  db::Database& database_;
};

}  // namespace kit::tests
