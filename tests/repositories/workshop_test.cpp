// SPDX-License-Identifier: Apache-2.0
// Values of the types that a schema knows, at their limits, and links with fields of their own.
#include <limits>

#include "internal/biz/customer_repository.gen.hpp"
#include "internal/biz/product_list.gen.hpp"
#include "internal/biz/product_repository.gen.hpp"
#include "internal/biz/repositories.gen.hpp"
#include "internal/data/unit_of_work.gen.hpp"
#include "project_test.hpp"

namespace workshop {
namespace {

using kit::Result;
using kit::Task;
using ::testing::ElementsAre;

kit::Date day(int days) {
  return kit::Date{std::chrono::sys_days{std::chrono::days{days}}};
}

Task<biz::Product> add(biz::RepositoryStore& store, biz::Product product) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  co_await work->products().add(product);
  co_await work->commit();
  co_return product;
}

Task<biz::Customer> add(biz::RepositoryStore& store, biz::Customer customer) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  co_await work->customers().add(customer);
  co_await work->commit();
  co_return customer;
}

class WorkshopTest : public kit::tests::ProjectTest {
 protected:
  void SetUp() override {
    ProjectTest::SetUp();
    if (!HasFatalFailure()) store_ = std::make_unique<data::SqlStore>(database());
  }
  void TearDown() override {
    store_.reset();
    ProjectTest::TearDown();
  }
  biz::RepositoryStore& store() { return *store_; }

 private:
  std::unique_ptr<data::SqlStore> store_;
};

TEST_F(WorkshopTest, ValuesAtTheirLimitsComeBack) {
  using Int32 = std::numeric_limits<std::int32_t>;
  using Int64 = std::numeric_limits<std::int64_t>;
  biz::Product product;
  product.code = "\xF0\x9F\x8E\xB8";
  product.name = "n";
  product.tags = {"a", "b \"quoted\" \\", "\xC3\xA4,"};
  product.colors = std::vector<biz::Color>{biz::Color::blue, biz::Color::red};
  product.sizes = {Int32::min(), Int32::max(), 0};
  product.prices = {kit::Decimal(-1, 2), kit::Decimal(9'999'999'999, 2)};
  product.days = std::vector<kit::Date>{day(-719'162), day(2'932'896)};
  product.flags = {true, false};
  product.price = kit::Decimal(999'999'999'999'999'999, 6);
  product.stock = Int32::min();
  product.sold = Int64::max();
  product.packs = Int32::max();
  const biz::Product added = get(add(store(), product));
  EXPECT_EQ(get(store().products().find(added.id)), added);
  product.code = "two";
  product.colors.reset();
  product.days.reset();
  product.tags.clear();
  product.sold = Int64::min();
  product.price = kit::Decimal(1, 6);
  const biz::Product second = get(add(store(), product));
  EXPECT_EQ(get(store().products().find(second.id)), second);
}

TEST_F(WorkshopTest, UuidsJsonAndRealNumbersComeBack) {
  biz::Customer customer;
  customer.name = "c";
  customer.balance = kit::Decimal(-999'999'999'999'999'999, 2);
  customer.home_latitude = -90.0;
  customer.home_longitude = 0.1 + 0.2 - 180;
  customer.notes = R"({"a":[1,2.5,null,true,"x, y: z \" \\"],"b":{}})";
  const biz::Customer added = get(add(store(), customer));
  EXPECT_EQ(get(store().customers().find(added.id)), added);
}

Task<> set_link(biz::RepositoryStore& store, biz::CustomerId customer, biz::ProductId product,
                biz::CustomerProductsLink link) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  co_await work->customers().link_products(customer, product, std::move(link));
  co_await work->commit();
}

TEST_F(WorkshopTest, LinksAreMadeAndChanged) {
  std::vector<biz::ProductId> ids;
  for (const char* code : {"a", "b", "c"}) {
    biz::Product product;
    product.code = code;
    product.name = code;
    ids.push_back(get(add(store(), product)).id);
  }
  biz::Customer customer;
  customer.name = "c";
  customer = get(add(store(), customer));
  biz::CustomerProductsLink link;
  link.position = 1;
  link.note = "n";
  link.since = day(19'000);
  link.share = kit::Decimal(99'999, 2);
  must(set_link(store(), customer.id, ids[0], link));
  must(set_link(store(), customer.id, ids[2], link));
  link.position = 2;
  link.note.reset();
  must(set_link(store(), customer.id, ids[2], link));
  const auto links = get(store().customers().products_links(customer.id, ids));
  ASSERT_EQ(links.size(), 2U);
  EXPECT_EQ(links[0].second.position, 1);
  EXPECT_EQ(links[1].first, ids[2]);
  EXPECT_EQ(links[1].second, link);
  kit::record::RelatedQuery query;
  query.keys = "[\"" + customer.id.value().to_string() + "\"]";
  query.per_key = 10;
  query.max_rows = 10;
  const auto related = get(store().products().find_related(query));
  EXPECT_EQ(related.items.size(), 2U);
  EXPECT_THAT(related.keys, ElementsAre(0, 0));
  const auto* shown = std::any_cast<std::vector<biz::CustomerProductsLink>>(&related.links);
  ASSERT_NE(shown, nullptr);
  EXPECT_EQ(shown->back(), link);
}

TEST_F(WorkshopTest, ListsLookIntoArrays) {
  biz::Product product;
  product.name = "n";
  product.code = "a";
  product.tags = {"red", "old"};
  product.prices = {kit::Decimal(150, 2)};
  product.flags = {true};
  product.days = std::vector<kit::Date>{day(19'000)};
  product.sizes = {7};
  get(add(store(), product));
  product = {};
  product.name = "m";
  product.code = "b";
  get(add(store(), product));
  const auto count = [&](const kit::db::Column& column, kit::db::Value value) {
    kit::db::ListQuery query;
    std::vector<kit::db::Value> values;
    values.push_back(std::move(value));
    query.filters.push_back({&column, kit::db::Operator::has, std::move(values)});
    return get(store().products().list(biz::product_table, query)).items.size();
  };
  EXPECT_EQ(count(biz::product_columns::tags, "red"), 1U);
  EXPECT_EQ(count(biz::product_columns::tags, "re"), 0U);
  EXPECT_EQ(count(biz::product_columns::sizes, std::int64_t{7}), 1U);
  EXPECT_EQ(count(biz::product_columns::sizes, std::int64_t{2}), 1U);
  EXPECT_EQ(count(biz::product_columns::flags, std::int64_t{1}), 1U);
}

}  // namespace
}  // namespace workshop
