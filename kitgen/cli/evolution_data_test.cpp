// SPDX-License-Identifier: Apache-2.0
// What becomes of rows: every rule of the planner on a real database, there and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kitgen/cli/test_storage.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;

/// A schema with one entity, Customer, of these fields, and what stands behind it.
std::string customer(const std::string& fields, const std::string& rest = "") {
  return "kit: 1\nservice: shop\nentities:\n  Customer:\n    fields:\n" + fields + rest;
}
std::string field(const std::string& text) {
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

/// A change of type: the values before, after and back again.
void check_conversion(const std::string& from, const std::string& to,
                      const std::vector<std::string>& given, const std::string& before,
                      const std::string& after) {
  SCOPED_TRACE(from + " -> " + to);
  Evolving shop(customer(field("x: {type: " + from + "}")));
  shop.rows("x", given);
  EXPECT_EQ(shop.values("x"), before);
  EXPECT_EQ(shop.change_to(customer(field("x: {type: " + to + "}"))), "");
  EXPECT_EQ(shop.values("x"), after);
  shop.go_back();
  EXPECT_EQ(shop.values("x"), before);
}

/// A change of type that some value does not survive.
void check_refusal(const std::string& from, const std::string& to,
                   const std::vector<std::string>& given, const std::string& message) {
  SCOPED_TRACE(from + " -> " + to);
  Evolving shop(customer(field("x: {type: " + from + "}")));
  shop.rows("x", given);
  const std::string before = shop.values("x");
  EXPECT_THAT(shop.change_to(customer(field("x: {type: " + to + "}"))), HasSubstr(message));
  EXPECT_EQ(shop.values("x"), before);
}

TEST(EvolvingRows, types_that_keep_their_values) {
  check_conversion("int32", "int64", {"-5", "7"}, "-5,7", "-5,7");
  check_conversion("int64", "'decimal(18,2)'", {"9999999999999999", "-1"}, "9999999999999999,-1",
                   "999999999999999900,-100");
  check_conversion("'decimal(6,2)'", "'decimal(18,4)'", {"123456", "-1"}, "123456,-1",
                   "12345600,-100");
  check_conversion("'decimal(18,4)'", "'decimal(6,2)'", {"12345600", "-100"}, "12345600,-100",
                   "123456,-1");
  check_conversion("'decimal(8,3)'", "string, max: 20", {"-5", "12345678", "0"}, "-5,12345678,0",
                   "-0.005,12345.678,0.000");
  check_conversion("int64", "string, max: 20", {"-9223372036854775807", "0"},
                   "-9223372036854775807,0", "-9223372036854775807,0");
  check_conversion("string, max: 20", "int64", {"'9223372036854775807'", "'-1'"},
                   "9223372036854775807,-1", "9223372036854775807,-1");
  check_conversion("string, max: 20", "'decimal(5,2)'", {"'-0.05'", "'123.45'", "'0.00'"},
                   "-0.05,123.45,0.00", "-5,12345,0");
  check_conversion("bool", "int32", {"0", "1"}, "0,1", "0,1");
  check_conversion("bool", "string, max: 5", {"0", "1"}, "0,1", "false,true");
  check_conversion("date", "timestamp", {"-1", "20000"}, "-1,20000",
                   "-86400000000,1728000000000000");
  check_conversion("timestamp", "date", {"-86400000000", "0"}, "-86400000000,0", "-1,0");
  check_conversion("string", "text", {"'a'", "''"}, "a,", "a,");
  check_conversion("string", "email", {"'a@b'"}, "a@b", "a@b");
  check_conversion("enum, values: [a, b]", "string, max: 3", {"'a'", "'b'"}, "a,b", "a,b");
  check_conversion("string, max: 3", "enum, values: [a, b]", {"'a'", "'b'"}, "a,b", "a,b");
  check_conversion("uuid", "string, max: 36", {"'01234567-89ab-7def-8123-456789abcdef'"},
                   "01234567-89ab-7def-8123-456789abcdef", "01234567-89ab-7def-8123-456789abcdef");
  check_conversion("int32", "double", {"-3"}, "-3", "-3.0");
  check_conversion("string, max: 9", "[string]", {"'a\"b'"}, "a\"b", R"(["a\"b"])");
  check_conversion("int32", "[int32]", {"4"}, "4", "[4]");
  check_conversion("json", "text", {"'{}'"}, "{}", "{}");
}

TEST(EvolvingRows, values_that_would_be_lost_are_counted) {
  check_refusal("'decimal(18,4)'", "'decimal(18,2)'", {"100", "101", "-99"},
                "change_x_in_customers.up.sql:4: 2 row(s) of customers: x has more than 2 digits");
  check_refusal("int64", "'decimal(4,2)'", {"99", "100", "9223372036854775807"},
                "2 row(s) of customers: x has too many digits for decimal(4,2)");
  check_refusal("'decimal(8,2)'", "'decimal(5,2)'", {"99999", "100000"},
                "1 row(s) of customers: x is not from -999.99 to 999.99");
  check_refusal("'decimal(8,2)'", "int32", {"100", "150"},
                "1 row(s) of customers: x has more than 0");
  for (const char* bad : {"'x'", "''", "'1.5'", "' 1'", "'+1'", "'007'", "'9223372036854775808'"})
    check_refusal("string, max: 20", "int64", {"'1'", bad}, "1 row(s) of customers: x is no whole");
  for (const char* bad : {"'x'", "''", "'-'", "'1.'", "'.5'", "'1.2.3'", "'1-2'", "'1.234'",
                          "'1e3'", "'1234.00'", "' 1'", "'--1'"})
    check_refusal("string, max: 20", "'decimal(5,2)'", {"'1.5'", bad},
                  "1 row(s) of customers: x is no number of the type decimal(5,2)");
  check_refusal("string, max: 9", "bool", {"'true'", "'yes'"}, "x is neither true nor false");
  check_refusal("string, max: 9", "enum, values: [a, b]", {"'a'", "'c'"}, "x is not one of a, b");
  check_refusal("string, max: 40", "uuid", {"'x'"}, "x is no uuid");
  check_refusal("text", "json", {"'{'"}, "x is no JSON");
  check_refusal("timestamp", "date", {"1"}, "x is not at midnight UTC");
  check_refusal("int32", "bool", {"2"}, "x is neither 0 nor 1");
  check_refusal("double", "int64", {"1.5"}, "x is no whole number");
  check_refusal("int64", "double", {"9007199254740993"}, "x is too large to stay exact");
  check_refusal("int64", "int32", {"2147483648"}, "x is not from -2147483648 to 2147483647");
  check_refusal("string, max: 9", "string, max: 2", {"'ab'", "'abc'"},
                "1 row(s) of customers: x is not of at most 2 characters; nothing of this");
  check_refusal("string, max: 9", "string, max: 9, min: 2", {"'a'"}, "x is not of 2 to 9 char");
  check_refusal("int32", "int32, min: 0, max: 9", {"-1", "10", "5"}, "2 row(s) of customers");
  check_refusal("'decimal(8,2)'", "'decimal(8,2)', min: 0.5", {"49"}, "x is not from 0.50 to");
  check_refusal("[string]", "string, max: 9", {"'[]'", "'[\"a\"]'"}, "x has not exactly one");
  check_refusal("enum, values: [a, b, c]", "enum, values: [a, b]", {"'c'", "'a'"},
                "1 row(s) of customers: x is not one of a, b");
  check_refusal("string, max: 9", "string, max: 9, unique: true", {"'a'", "'b'", "'a'"},
                "1 value(s) of customers: x must be unique and is not");
}

TEST(EvolvingRows, nothing_stays_nothing) {
  for (const auto& [from, to] : {std::pair{"int32", "'decimal(9,2)'"},
                                 {"bool", "string"},
                                 {"string, max: 9", "[string]"},
                                 {"'decimal(9,2)'", "string"},
                                 {"string", "int32"},
                                 {"date", "timestamp"}}) {
    Evolving shop(customer(field(std::string("x: {optional: true, type: ") + from + "}")));
    shop.rows("x", {"NULL"});
    EXPECT_EQ(shop.change_to(customer(field(std::string("x: {optional: true, type: ") + to + "}"))),
              "");
    EXPECT_EQ(shop.values("x IS NULL"), "1") << from << " -> " << to;
    shop.go_back();
    EXPECT_EQ(shop.values("x IS NULL"), "1") << to << " -> " << from;
  }
}

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
