// SPDX-License-Identifier: Apache-2.0
// What tests/evolution found: one test for each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "kitgen/cli/test_evolving.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;

TEST(EvolvingFindings, no_value_is_no_bad_json) {
  Evolving shop(customer(field("x: {type: string, optional: true}")));
  shop.rows("x", {"'{}'", "NULL"});
  EXPECT_EQ(shop.change_to(customer(field("x: {type: json, optional: true}"))), "");
  EXPECT_EQ(shop.values("x"), "{},null");
  shop.rows("x", {"'[1]'"});
  shop.go_back();
  EXPECT_EQ(shop.values("x"), "{},null,[1]");
}

TEST(EvolvingFindings, a_float_that_became_whole_is_itself_again) {
  Evolving shop(customer(field("x: float")));
  shop.rows("x", {"3309", "-16777216"});
  EXPECT_EQ(shop.change_to(customer(field("x: int32"))), "");
  shop.go_back();
  EXPECT_EQ(shop.values("x"), "3309.0,-16777216.0");
  shop.rows("x", {"16777218"});
  EXPECT_THAT(shop.change_to(customer(field("x: int32"))), HasSubstr("stays exact"));
}

TEST(EvolvingFindings, a_decimal_is_no_element_of_whole_numbers) {
  const auto before =
      evolve::catalogue_of(service_of(customer(field("x: {type: 'decimal(6,1)'}"))));
  const auto after = evolve::catalogue_of(service_of(customer(field("x: {type: [int32]}"))));
  const auto plan = evolve::plan(before, after, evolve::difference(before, after));
  ASSERT_EQ(plan.problems.size(), 1U);
  EXPECT_THAT(plan.problems[0].message, HasSubstr("no conversion keeps its data"));
}

TEST(EvolvingFindings, a_sort_field_with_a_partial_index_has_two_indexes) {
  Storage shop(customer(field("x: {type: int64, optional: true}"),
                        "    indexes: [{fields: [x], where: \"x is not null\"}]\n"
                        "    list: {sort: [x]}\n"));
  EXPECT_EQ(
      shop.text("SELECT name FROM sqlite_schema WHERE name LIKE 'ix_customers%' ORDER BY name"),
      "ix_customers_x,ix_customers_x_all");
}

constexpr const char* staff = "  Desk:\n    fields: {name: {type: string, unique: true}}\n";

/// Each customer has a desk of its own; the desks go and come back, as many as are wanted.
TEST(EvolvingFindings, unique_references_come_back_to_a_row_each) {
  const std::string both =
      customer(field("x: int32"), "    belongs_to: {desk: {entity: Desk, unique: true}}\n") + staff;
  Evolving shop(both);
  shop.storage.run(
      "INSERT INTO desks (name, created_at, updated_at) VALUES ('a', 0, 0), ('b', 0, 0)");
  shop.storage.run(
      "INSERT INTO customers (id, x, desk_id, created_at, updated_at) VALUES (3, 1, 2, 0, 0), (9, "
      "2, 1, 0, 0)");
  EXPECT_EQ(shop.change_to(customer(field("x: int32"))), "");
  shop.go_back();
  EXPECT_EQ(shop.values("x"), "1,2");
  EXPECT_EQ(shop.values("desk_id"), "1,2");
}

/// Together with another column only the pair has to be unique: one row may serve several.
TEST(EvolvingFindings, a_reference_that_is_unique_with_others_needs_no_row_each) {
  const std::string both = customer(field("x: int32"),
                                    "    belongs_to: {desk: Desk}\n"
                                    "    indexes: [{fields: [x, desk_id], unique: true}]\n") +
                           staff;
  Evolving shop(both);
  shop.storage.run("INSERT INTO desks (name, created_at, updated_at) VALUES ('a', 0, 0)");
  shop.storage.run(
      "INSERT INTO customers (x, desk_id, created_at, updated_at) VALUES (1, 1, 0, 0), (2, 1, 0, "
      "0)");
  EXPECT_EQ(shop.change_to(customer(field("x: int32")) + staff), "");
  shop.go_back();
  EXPECT_EQ(shop.values("desk_id"), "1,1");
}

/// A new table between two that stay: the one it refers to is in its last form when it is filled.
TEST(EvolvingFindings, what_is_filled_on_the_way_back_has_its_columns) {
  const std::string shelf = "  Shelf:\n    fields: {name: string}\n    belongs_to: {desk: Desk}\n";
  const std::string desk = "  Desk:\n    fields: {name: string, size: int32}\n";
  Evolving shop(customer(field("x: int32"), "    belongs_to: {shelf: Shelf}\n") + shelf + desk);
  shop.storage.run("INSERT INTO desks (name, size, created_at, updated_at) VALUES ('a', 1, 0, 0)");
  shop.storage.run(
      "INSERT INTO shelves (name, desk_id, created_at, updated_at) VALUES ('s', 1, 0, 0)");
  shop.storage.run(
      "INSERT INTO customers (x, shelf_id, created_at, updated_at) VALUES (1, 1, 0, 0)");
  EXPECT_EQ(shop.change_to(customer(field("x: int32")) + "  Desk:\n    fields: {name: string}\n"),
            "");
  shop.storage.run("DELETE FROM desks");
  shop.go_back();
  EXPECT_EQ(shop.values("shelf_id"), "1");
  EXPECT_EQ(shop.storage.text("SELECT size FROM desks"), "0");
}

TEST(EvolvingFindings, a_double_becomes_a_float_only_as_it_is) {
  Evolving shop(customer(field("x: double")));
  shop.rows("x", {"0.5", "-16777216.0", "0.0", "16777215.0 * (1 << 52) * (1 << 52)",
                  "1.0 / (1 << 62) / (1 << 62) / (1 << 25)"});
  const std::string before = shop.values("x");
  EXPECT_EQ(shop.change_to(customer(field("x: float"))), "");
  EXPECT_EQ(shop.values("x"), before);
  shop.go_back();
  for (const std::string bad :
       {"0.1", "16777217.0", "-1e39", "9e999", "1.5 / (1 << 62) / (1 << 62) / (1 << 25)"}) {
    shop.rows("x", {bad});
    EXPECT_THAT(
        shop.change_to(customer(field("x: float"))),
        HasSubstr("1 row(s) of customers: x is no number that a float holds exactly (first: "
                  "id "))
        << bad;
    shop.storage.run("DELETE FROM customers WHERE id = (SELECT max(id) FROM customers)");
  }
}

TEST(EvolvingFindings, a_float_that_became_a_double_goes_back_as_far_as_it_fits) {
  Evolving shop(customer(field("x: float")));
  shop.rows("x", {"0.5"});
  EXPECT_EQ(shop.change_to(customer(field("x: double"))), "");
  shop.rows("x", {"0.1"});
  const auto undone = shop.storage.down();
  ASSERT_FALSE(undone.ok());
  EXPECT_THAT(undone.error().message(), HasSubstr("no number that a float holds exactly (first: id "
                                                  "2)"));
  shop.storage.run("UPDATE customers SET x = 0.25 WHERE id = 2");
  shop.go_back();
  EXPECT_EQ(shop.values("x"), "0.5,0.25");
}

TEST(EvolvingFindings, a_unique_reference_comes_back_for_very_many_rows) {
  const std::string rest = "  Desk:\n    fields: {x: int64}\n";
  Evolving shop(
      customer(field("x: int64"), "    belongs_to: {desk: {entity: Desk, unique: true}}\n" + rest));
  const std::string numbers =
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000)\n";
  shop.storage.run("INSERT INTO desks (id, x, created_at, updated_at)\n" + numbers +
                   "SELECT n * 2, n, 0, 0 FROM c");
  shop.storage.run("INSERT INTO customers (x, desk_id, created_at, updated_at)\n" + numbers +
                   "SELECT n, n * 2, 0, 0 FROM c");
  ASSERT_EQ(shop.change_to(customer(field("x: int64"), rest)), "");
  const auto start = std::chrono::steady_clock::now();
  shop.go_back();
  // Each row against all before it took minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  EXPECT_EQ(shop.storage.text("SELECT count(DISTINCT desk_id) || ' of ' || count(*) FROM customers "
                              "JOIN desks ON desks.id = desk_id"),
            "100000 of 100000");
}

TEST(EvolvingFindings, a_table_that_comes_back_has_rows_for_all_that_want_some) {
  const std::string places = "  Place:\n    fields: {code: {type: string, unique: true}}\n";
  const std::string shelf = "  Shelf:\n    fields: {x: int64}\n";
  Evolving shop(
      customer(field("x: int64"),
               "    belongs_to: {near: {entity: Place}, home: {entity: Place, unique: true}}\n" +
                   shelf + "    belongs_to: {place: {entity: Place}}\n" + places));
  shop.storage.run(
      "INSERT INTO places (code, created_at, updated_at) VALUES ('a', 0, 0), "
      "('b', 0, 0), ('c', 0, 0)");
  shop.storage.run("INSERT INTO shelves (x, place_id, created_at, updated_at) VALUES (1, 1, 0, 0)");
  shop.storage.run(
      "INSERT INTO customers (x, near_id, home_id, created_at, updated_at) VALUES "
      "(1, 1, 1, 0, 0), (2, 1, 2, 0, 0), (3, 1, 3, 0, 0)");
  ASSERT_EQ(shop.change_to(customer(field("x: int64"), shelf)), "");
  shop.go_back();
  EXPECT_EQ(shop.storage.text("SELECT count(*) FROM places"), "3");
  EXPECT_EQ(shop.storage.text("SELECT count(DISTINCT home_id) FROM customers"), "3");
}

TEST(EvolvingFindings, rows_deleted_softly_share_what_is_unique_on_the_way_back) {
  const std::string rest = "  Desk:\n    fields: {x: int64}\n";
  const std::string keep = "    keep: {soft_delete: true}\n";
  Evolving shop(customer(field("x: int64"),
                         "    belongs_to: {desk: {entity: Desk, unique: true}}\n" + keep + rest));
  shop.storage.run("INSERT INTO desks (x, created_at, updated_at) VALUES (1, 0, 0), (2, 0, 0)");
  shop.storage.run(
      "INSERT INTO customers (x, desk_id, created_at, updated_at, deleted_at) VALUES "
      "(1, 1, 0, 0, 5), (2, 1, 0, 0, 6), (3, 1, 0, 0, 7), (4, 1, 0, 0, NULL), "
      "(5, 2, 0, 0, NULL)");
  ASSERT_EQ(shop.change_to(customer(field("x: int64"), keep + rest)), "");
  shop.go_back();
  EXPECT_EQ(shop.values("desk_id"), "1,1,1,1,2");
}

TEST(EvolvingFindings, names_that_change_places_are_refused) {
  const auto before =
      evolve::catalogue_of(service_of(customer(field("a: int64") + field("b: int64"))));
  const auto problems = [&](const std::string& fields) {
    const auto after = evolve::catalogue_of(service_of(customer(fields)));
    const auto found = evolve::difference(before, after);
    return found.problems.size() == 1 ? found.problems[0].message : "no problem";
  };
  EXPECT_THAT(problems(field("a: {type: int64, renamed_from: b}") +
                       field("b: {type: int64, renamed_from: a}")),
              HasSubstr("changed names with each other"));
  EXPECT_THAT(problems(field("b: {type: int64, renamed_from: a}") +
                       field("c: {type: int64, renamed_from: b}")),
              HasSubstr("which is still there"));
}

}  // namespace
}  // namespace kitgen::cli
