// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kitgen/cli/test_storage.hpp"

namespace kitgen::cli {

/// A schema with one entity, Customer, of these fields, and what stands behind it.
inline std::string customer(const std::string& fields, const std::string& rest = "") {
  return "kit: 1\nservice: shop\nentities:\n  Customer:\n    fields:\n" + fields + rest;
}
inline std::string field(const std::string& text) {
  return "      " + text + "\n";
}

/// A database with rows whose schema changes.
class Evolving {
 public:
  explicit Evolving(const std::string& schema)
      : storage(schema), before_(evolve::catalogue_of(service_of(schema))) {}

  /// One row per value of `column`, with ids from 1.
  void rows(const std::string& column, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      storage.run("INSERT INTO customers (" + column + ", created_at, updated_at) VALUES (" +
                  value + ", 0, 0)");
    }
  }

  /// "" or why the migration is refused.
  std::string change_to(const std::string& schema) {
    const evolve::Catalogue after = evolve::catalogue_of(service_of(schema));
    const evolve::Plan plan = evolve::plan(before_, after, evolve::difference(before_, after));
    EXPECT_TRUE(plan.problems.empty()) << plan.problems.front().message;
    const auto old_catalogue = storage.catalogue();
    const auto done =
        storage.up(plan.name, evolve::sqlite_up(plan, "a"), evolve::sqlite_down(plan, "a"));
    if (!done) {
      EXPECT_EQ(storage.catalogue(), old_catalogue) << "a refused migration changes nothing";
      return done.error().message();
    }
    EXPECT_EQ(storage.catalogue(), Storage(schema).catalogue());
    return "";
  }

  void go_back() {
    const auto done = storage.down();
    EXPECT_TRUE(done.ok()) << done.error().message();
  }
  std::string values(const std::string& column) {
    return storage.text("SELECT " + column + " FROM customers ORDER BY id");
  }

  Storage storage;

 private:
  evolve::Catalogue before_;
};

}  // namespace kitgen::cli
