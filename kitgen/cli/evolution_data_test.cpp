// SPDX-License-Identifier: Apache-2.0
// What becomes of rows: every rule of the planner on a real database, there and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kitgen/cli/test_evolving.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;

TEST(EvolvingRows, renames_keep_what_they_rename) {
  Evolving shop(customer(field("telephone: {type: string, max: 24, unique: true}")));
  shop.rows("telephone", {"'1'", "'2'"});
  EXPECT_EQ(shop.change_to(customer(
                field("phone: {type: string, max: 9, unique: true, renamed_from: telephone}"))),
            "");
  EXPECT_EQ(shop.values("phone"), "1,2");
  shop.go_back();
  EXPECT_EQ(shop.values("telephone"), "1,2");
}

TEST(EvolvingRows, renamed_values_of_an_enum_follow) {
  const auto schema = [](const std::string& values, const std::string& first) {
    return customer(field("x: {type: enum, values: " + values + ", default: " + first + "}"));
  };
  Evolving shop(schema("[settled, open]", "settled"));
  shop.rows("x", {"'settled'", "'open'"});
  EXPECT_EQ(shop.change_to(schema("[{name: paid, renamed_from: settled}, open, new]", "paid")), "");
  EXPECT_EQ(shop.values("x"), "paid,open");
  shop.storage.run("INSERT INTO customers (created_at, updated_at) VALUES (0, 0)");
  shop.go_back();
  EXPECT_EQ(shop.values("x"), "settled,open,settled");
}

TEST(EvolvingRows, new_fields_get_what_the_schema_says) {
  Evolving shop(
      customer(field("age: int32") + field("old: {type: string, max: 9, optional: true}")));
  shop.rows("age, old", {"7, NULL", "8, 'x'"});
  EXPECT_EQ(
      shop.change_to(customer(
          field("age: int32") + field("vat: {type: 'decimal(5,2)', default: 1.5}") +
          field("label: {type: string, max: 20, backfill: {field: age}}") +
          field("flag: {type: bool, backfill: true}") + field("day: {type: date, default: now}") +
          field("old: {type: string, max: 9, backfill: none}"))),
      "");
  EXPECT_EQ(shop.values("vat || ' ' || label || ' ' || flag || ' ' || old"),
            "150 7 1 none,150 8 1 x");
  EXPECT_EQ(shop.values("day = unixepoch() / 86400 OR day = unixepoch() / 86400 - 1"), "1,1");
  shop.go_back();
  EXPECT_EQ(shop.values("age || coalesce(old, '-')"), "7none,8x");
}

TEST(EvolvingRows, a_field_that_cannot_fill_all_rows_is_refused) {
  const std::string source = field("age: {type: int32, optional: true}");
  Evolving shop(customer(source));
  shop.rows("age", {"NULL", "12"});
  EXPECT_THAT(shop.change_to(customer(
                  source + field("label: {type: string, max: 1, backfill: {field: age}}"))),
              HasSubstr("1 row(s) of customers: label is required and has no value"));
  shop.storage.run("UPDATE customers SET age = 5 WHERE age IS NULL");
  EXPECT_THAT(shop.change_to(customer(
                  source + field("label: {type: string, max: 1, backfill: {field: age}}"))),
              HasSubstr("1 row(s) of customers: label is not of at most 1 characters"));
}

TEST(EvolvingRows, statements_of_ones_own_see_what_is_dropped_and_what_is_new) {
  const std::string before = customer(field("called: {type: string, max: 40}"));
  const std::string after = customer(field("first: {type: string, max: 20, backfill: ''}") +
                                     field("last: {type: string, max: 20, backfill: ''}"));
  Storage storage(before);
  storage.run("INSERT INTO customers (called, created_at, updated_at) VALUES ('Ann Lee', 0, 0)");
  const evolve::Catalogue a = evolve::catalogue_of(service_of(before));
  const evolve::Catalogue b = evolve::catalogue_of(service_of(after));
  evolve::Decisions decisions;
  decisions.drops = {"customers.called"};
  const evolve::Plan plan = evolve::plan(a, b, evolve::difference(a, b, decisions));
  std::string up = evolve::sqlite_up(plan, "a");
  const std::string mark = "have their place here.\n";
  const std::size_t at = up.find(mark);
  ASSERT_NE(at, std::string::npos);
  up.insert(at + mark.size(),
            "UPDATE customers SET first = substr(called, 1, instr(called, ' ') - 1),\n"
            "  last = substr(called, instr(called, ' ') + 1);\n");
  const auto done = storage.up("split", up, evolve::sqlite_down(plan, "a"));
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(storage.text("SELECT first || '-' || last FROM customers"), "Ann-Lee");
  EXPECT_EQ(storage.catalogue(), Storage(after).catalogue());
}

TEST(EvolvingRows, ids_of_deleted_rows_are_never_given_again) {
  Evolving shop(customer(field("x: int32")));
  shop.rows("x", {"1", "2", "3"});
  shop.storage.run("DELETE FROM customers");
  EXPECT_EQ(shop.change_to(customer(field("x: int32") + field("y: {type: int32, backfill: 1}"))),
            "");
  EXPECT_EQ(shop.storage.text("SELECT name || seq FROM sqlite_sequence"), "customers3");
  shop.rows("x, y", {"4, 4"});
  EXPECT_EQ(shop.values("id"), "4");
  shop.go_back();
  EXPECT_EQ(shop.storage.text("SELECT name || seq FROM sqlite_sequence"), "customers4");
  // Of a table that never had a row there is nothing to keep.
  Evolving fresh(customer(field("x: int32")));
  EXPECT_EQ(fresh.change_to(customer(field("x: {type: int32, max: 5}"))), "");
  EXPECT_EQ(fresh.storage.text("SELECT count(*) FROM sqlite_sequence"), "0");
}

constexpr const char* family = R"(    belongs_to:
      parent: {entity: Customer, optional: true, on_delete: set_null}
    many_to_many: {tags: Tag}
  Tag:
    fields: {label: {type: string, max: 9}}
  Visit:
    fields: {n: int32}
    belongs_to: {customer: {entity: Customer, on_delete: cascade}}
)";

TEST(EvolvingRows, what_refers_to_a_rebuilt_table_does_not_notice) {
  Evolving shop(customer(field("x: int32"), family));
  shop.rows("x, parent_id", {"1, NULL", "2, 1"});
  shop.storage.run("INSERT INTO tags (label, created_at, updated_at) VALUES ('a', 0, 0)");
  shop.storage.run("INSERT INTO customer_tags VALUES (1, 1), (2, 1)");
  shop.storage.run(
      "INSERT INTO visits (n, customer_id, created_at, updated_at) VALUES (1, 2, 0, 0)");
  const auto check = [&] {
    EXPECT_EQ(shop.values("coalesce(parent_id, 0)"), "0,1");
    EXPECT_EQ(shop.storage.text("SELECT count(*) FROM customer_tags"), "2");
    EXPECT_EQ(shop.storage.text("SELECT customer_id FROM visits"), "2");
    EXPECT_EQ(shop.storage.text("PRAGMA foreign_key_check"), "");
    EXPECT_THAT(shop.storage.refusal("INSERT INTO visits (n, customer_id, created_at, updated_at) "
                                     "VALUES (1, 99, 0, 0)"),
                HasSubstr("FOREIGN KEY"));
  };
  EXPECT_EQ(shop.change_to(customer(field("x: {type: 'decimal(9,2)'}"), family)), "");
  check();
  shop.go_back();
  check();
  shop.storage.run("DELETE FROM customers WHERE id = 2");
  EXPECT_EQ(shop.storage.text("SELECT count(*) FROM visits"), "0");
}

TEST(EvolvingRows, a_renamed_entity_takes_its_links_along) {
  Evolving shop(customer(field("x: int32"), family));
  shop.rows("x, parent_id", {"1, NULL", "2, 1"});
  shop.storage.run("INSERT INTO tags (label, created_at, updated_at) VALUES ('a', 0, 0)");
  shop.storage.run("INSERT INTO customer_tags VALUES (1, 1), (2, 1)");
  shop.storage.run(
      "INSERT INTO visits (n, customer_id, created_at, updated_at) VALUES (1, 2, 0, 0)");
  std::string after = customer(field("x: int32"), family);
  for (std::size_t at; (at = after.find("Customer")) != std::string::npos;)
    after.replace(at, 8, "Client");
  after.replace(after.find("    fields:\n"), 0, "    renamed_from: Customer\n");
  after.replace(after.find("customer: {"), 11, "client: {renamed_from: customer, ");
  EXPECT_EQ(shop.change_to(after), "") << after;
  EXPECT_EQ(shop.storage.text("SELECT count(*) FROM client_tags WHERE client_id > 0"), "2");
  EXPECT_EQ(shop.storage.text("SELECT client_id FROM visits"), "2");
  EXPECT_EQ(shop.storage.text("SELECT max(parent_id) FROM clients"), "1");
  shop.go_back();
  EXPECT_EQ(shop.storage.text("SELECT count(*) FROM customer_tags WHERE customer_id > 0"), "2");
  EXPECT_EQ(shop.values("x"), "1,2");
}

TEST(EvolvingRows, dropped_required_columns_come_back_within_their_rules) {
  const std::string rules = field("code: {type: string, min: 4, max: 9, unique: true}") +
                            field("n: {type: int32, min: 5, max: 9}") +
                            field("price: {type: 'decimal(9,2)', max: -1}") +
                            field("mail: {type: email, unique: true}") + field("id_code: uuid") +
                            field("kind: {type: enum, values: [a, b]}") +
                            field("story: {type: string, min: 20, max: 30}") + field("raw: bytes") +
                            field("data: json") + field("site: url") + field("active: bool");
  Evolving shop(customer(field("x: int32") + rules));
  shop.rows("x, code, n, price, mail, id_code, kind, story, raw, data, site, active",
            {"1, 'abcd', 5, -100, 'a@b', '01234567-89ab-7def-8123-456789abcdef', 'b', "
             "'aaaaaaaaaaaaaaaaaaaaaaa', x'00', '1', 'http://a', 1",
             "2, 'abce', 5, -100, 'b@b', '01234567-89ab-7def-8123-456789abcdef', 'b', "
             "'aaaaaaaaaaaaaaaaaaaaaaa', x'00', '1', 'http://a', 1"});
  EXPECT_EQ(shop.change_to(customer(field("x: int32"))), "");
  shop.go_back();
  EXPECT_EQ(shop.values("x || code || n || price || mail || kind || length(story) || site || data"),
            "100015-100unknown1@example.invalida20https://example.invalid/{},"
            "200025-100unknown2@example.invalida20https://example.invalid/{}");
}

TEST(EvolvingRows, dropped_references_come_back_to_some_row) {
  const std::string rep =
      "    belongs_to: {rep: Employee}\n  Employee:\n    fields: {name: string}\n"
      "    belongs_to: {team: Team}\n  Team:\n    fields: {name: string}\n";
  Evolving shop(customer(field("x: int32"), rep));
  shop.storage.run("INSERT INTO teams (name, created_at, updated_at) VALUES ('a', 0, 0)");
  shop.storage.run(
      "INSERT INTO employees (name, team_id, created_at, updated_at) VALUES ('a', 1, 0, 0)");
  shop.rows("x, rep_id", {"1, 1", "2, 1"});
  EXPECT_EQ(shop.change_to(customer(field("x: int32"))), "");
  shop.go_back();
  EXPECT_EQ(shop.values("x || rep_id"), "11,21");
  EXPECT_EQ(shop.storage.text("SELECT count(*) FROM employees JOIN teams ON team_id = teams.id"),
            "1");
}

TEST(EvolvingRows, unique_references_come_back_to_a_row_each) {
  const std::string employee = "  Employee:\n    fields: {name: string}\n";
  const std::string rep = "    belongs_to: {rep: {entity: Employee, unique: true}}\n" + employee;
  Evolving shop(customer(field("x: int32"), rep));
  for (const char* id : {"4", "7", "9"}) {
    shop.storage.run(
        std::string("INSERT INTO employees (id, name, created_at, updated_at) VALUES (") + id +
        ", 'a', 0, 0)");
  }
  shop.rows("x, rep_id", {"1, 9", "2, 4"});
  EXPECT_EQ(shop.change_to(customer(field("x: int32"), employee)), "");
  shop.rows("x", {"3"});
  shop.go_back();
  EXPECT_EQ(shop.values("rep_id"), "4,7,9");
  // One more than there are rows to refer to.
  EXPECT_EQ(shop.change_to(customer(field("x: int32"), employee)), "");
  shop.rows("x", {"4"});
  const auto back = shop.storage.down();
  ASSERT_FALSE(back.ok());
  EXPECT_THAT(back.error().message(),
              HasSubstr("1 row(s) of customers: rep_id is required and has no value"));
}

TEST(EvolvingRows, references_must_lead_somewhere) {
  const std::string employee = "  Employee:\n    fields: {name: string}\n";
  const std::string rep = "    belongs_to: {rep: {entity: Employee, backfill: 3}}\n" + employee;
  Evolving shop(customer(field("x: int32"), employee));
  EXPECT_EQ(
      Evolving(customer(field("x: int32"), employee)).change_to(customer(field("x: int32"), rep)),
      "")
      << "without rows nothing is missing";
  shop.rows("x", {"1"});
  EXPECT_THAT(shop.change_to(customer(field("x: int32"), rep)),
              HasSubstr("1 row(s) of customers: rep_id refers to no row of employees"));
  shop.storage.run(
      "INSERT INTO employees (id, name, created_at, updated_at) VALUES (3, 'a', 0, 0)");
  EXPECT_EQ(shop.change_to(customer(field("x: int32"), rep)), "");
  EXPECT_EQ(shop.values("rep_id"), "3");
}

TEST(EvolvingRows, references_that_are_filled_in_must_lead_somewhere_too) {
  const std::string employee = "  Employee:\n    fields: {name: string}\n";
  const std::string rep = "    belongs_to: {rep: {entity: Employee, ";
  Evolving shop(customer(field("x: int32"), rep + "optional: true}}\n" + employee));
  shop.rows("x", {"1"});
  EXPECT_THAT(shop.change_to(customer(field("x: int32"), rep + "backfill: 3}}\n" + employee)),
              HasSubstr("1 row(s) of customers: rep_id refers to no row of employees"));
}

TEST(EvolvingRows, living_values_are_unique_after_soft_delete) {
  const std::string code = field("code: {type: string, max: 9, unique: true}");
  Evolving shop(customer(code));
  shop.rows("code", {"'a'"});
  EXPECT_EQ(shop.change_to(customer(code, "    keep: {soft_delete: true, version: true}\n")), "");
  EXPECT_EQ(shop.values("version"), "1");
  shop.storage.run("UPDATE customers SET deleted_at = 1");
  shop.rows("code", {"'a'"});
  // The way back is refused as long as two of them would live.
  const auto back = shop.storage.down();
  ASSERT_FALSE(back.ok());
  EXPECT_THAT(back.error().message(), HasSubstr("code must be unique and is not"));
  EXPECT_EQ(shop.values("code"), "a,a");
}

}  // namespace
}  // namespace kitgen::cli
