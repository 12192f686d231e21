// SPDX-License-Identifier: Apache-2.0
// Imports by many rows: keys that are texts, rows that the database numbers, links with fields.
#include "import_test.hpp"
#include "internal/data/customer_products_import.gen.hpp"
#include "internal/data/product_import.gen.hpp"
#include "kit/record/parameters.hpp"

namespace workshop {
namespace {

using kit::Task;
using kit::tests::FileImports;
using kit::tests::OneByOne;

constexpr std::string_view first_customer = "0189f7c4-2d5b-7cc3-8a0e-5a1b2c3d4e01";
constexpr std::string_view second_customer = "0189f7c4-2d5b-7cc3-8a0e-5a1b2c3d4e02";

class WorkshopImports : public kit::tests::ProjectTest {
 protected:
  std::string import(kit::db::ImportTarget& target, const std::string& text) {
    FileImports files(database());
    return get(files.import(target, text));
  }
  void expect_same(kit::db::ImportTarget& target, const std::string& text,
                   const std::vector<std::string>& queries, const std::string& said) {
    FileImports files(database());
    OneByOne slow(target);
    const std::string together = get(files.try_out(target, text, queries));
    const std::string apart = get(files.try_out(slow, text, queries));
    EXPECT_EQ(kit::tests::first_difference(together, apart), "");
    EXPECT_TRUE(together.starts_with(said)) << together.substr(0, 500);
  }
  static std::string product(const std::string& code, const std::string& name) {
    return code + "," + name + R"(,"[""a"",""b""]","[""red""]","[""1.25""]")" + "\n";
  }
  void add_customer(std::string_view id) {
    const std::string sql =
        "INSERT INTO customers (id, name, balance, created_at, updated_at) VALUES ('" +
        std::string(id) + "', 'n', 0, ?1, ?1)";
    must(execute(sql));
  }
  Task<> execute(std::string sql) {
    kit::record::Parameters<1> now;
    now.add(kit::Timestamp::now());
    co_await database().execute(sql, now.span());
  }

  std::unique_ptr<kit::db::ImportTarget> products_ = data::make_product_import();
  std::unique_ptr<kit::db::ImportTarget> links_ = data::make_customer_products_import();
};

const std::string products_head = "Code,Name,Tags,Colors,Prices\n";
const std::vector<std::string> products_rows = {
    "SELECT code FROM products ORDER BY code", "SELECT name FROM products ORDER BY code",
    "SELECT tags FROM products ORDER BY code", "SELECT sizes FROM products ORDER BY code",
    "SELECT prices FROM products ORDER BY code"};
const std::string links_head = "Customer,Product,Position,Share\n";
const std::vector<std::string> links_rows = {
    "SELECT position FROM customer_products ORDER BY customer_id, product_id",
    "SELECT share FROM customer_products ORDER BY customer_id, product_id",
    "SELECT since FROM customer_products ORDER BY customer_id, product_id"};

TEST_F(WorkshopImports, TextsAreKeysOfRowsThatTheDatabaseNumbers) {
  std::string text = products_head;
  for (int i = 1; i <= 300; ++i) text += product("c" + std::to_string(i), "n");
  expect_same(*products_, text, products_rows, "300 inserted, 0 updated, 0 unchanged\n");
  EXPECT_EQ(import(*products_, text), "300 inserted, 0 updated, 0 unchanged");
  EXPECT_EQ(read("SELECT count(DISTINCT id) FROM products"), "300");
  text = products_head;
  for (int i = 1; i <= 700; ++i)
    text += product("c" + std::to_string(i), i % 2 == 0 ? "n" : "m" + std::to_string(i));
  expect_same(*products_, text, products_rows, "400 inserted, 150 updated, 150 unchanged\n");
}

TEST_F(WorkshopImports, KeysThatTheDatabaseMayTakeForEqual) {
  std::string text = products_head + product("a", "n") + product("b", "n");
  EXPECT_EQ(import(*products_, text), "2 inserted, 0 updated, 0 unchanged");
  // Whatever it makes of case, blanks at the end and accents: the same as of one record.
  for (const std::string code : {"a ", "A", "a\xCC\x81"}) {
    const std::string others = products_head + product(code, "m") + product("c", "n");
    expect_same(*products_, others, products_rows, "");
    expect_same(*products_, others + product("a", "m"), products_rows, "");
  }
}

TEST_F(WorkshopImports, LinksAreAddedAndChangedTogether) {
  add_customer(first_customer);
  add_customer(second_customer);
  std::string text = products_head;
  for (int i = 1; i <= 300; ++i) text += product("c" + std::to_string(i), "n");
  EXPECT_EQ(import(*products_, text), "300 inserted, 0 updated, 0 unchanged");
  const auto links = [](int first, int last, const std::string& rest) {
    std::string lines;
    for (int i = first; i <= last; ++i) {
      for (const std::string_view customer : {first_customer, second_customer})
        lines.append(customer).append(",").append(std::to_string(i)).append(rest);
    }
    return lines;
  };
  expect_same(*links_, links_head + links(1, 200, ",1,0.5\n"), links_rows, "400 inserted");
  EXPECT_EQ(import(*links_, links_head + links(1, 200, ",1,0.5\n")),
            "400 inserted, 0 updated, 0 unchanged");
  // Some as they are, some changed, some new.
  const std::string mixed = links_head + links(1, 100, ",1,0.5\n") + links(101, 220, ",2,0.25\n");
  expect_same(*links_, mixed, links_rows, "");
  // Some that refer to nothing, in the first batch and in the last, and some that are not good.
  const std::string bad = links_head + links(201, 210, ",1,0.5\n") + links(901, 901, ",1,0.5\n") +
                          links(211, 290, ",0,0.5\n") + links(291, 300, ",1,0.5\n") +
                          links(902, 902, ",1,0.5\n") + links(1, 190, ",3,0.125\n");
  expect_same(*links_, bad, {}, "22 Product: refers to nothing that exists\n23 Product: ");
}

TEST_F(WorkshopImports, ThePairMayBeWrittenInTwoWays) {
  add_customer(first_customer);
  const std::string id(first_customer);
  std::string upper = id;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  EXPECT_EQ(import(*products_, products_head + product("c", "n")),
            "1 inserted, 0 updated, 0 unchanged");
  expect_same(*links_, links_head + id + ",1,1,0.5\n" + upper + ",01,2,0.5\n", links_rows, "");
}

}  // namespace
}  // namespace workshop
