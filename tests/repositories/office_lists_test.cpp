// SPDX-License-Identifier: Apache-2.0
// Lists: what they find, their order, and pages while others write.
#include "office_test.hpp"

namespace office {
namespace {

using kit::db::ListQuery;
using kit::db::Operator;
using ::testing::ElementsAre;
namespace columns = biz::client_columns;

class OfficeLists : public OfficeTest {
 protected:
  std::vector<std::string> names(const ListQuery& query) {
    std::vector<std::string> names;
    const auto page = get(store().clients().list(biz::client_table, query));
    for (const biz::Client& client : page.items) names.push_back(client.name);
    return names;
  }
  std::vector<std::string> where(const kit::db::Column& column, Operator op, kit::db::Value value) {
    ListQuery query;
    query.sort.push_back({.column = &columns::name});
    std::vector<kit::db::Value> values;
    values.push_back(std::move(value));
    query.filters.push_back({&column, op, std::move(values)});
    return names(query);
  }
  void add(const std::string& name, std::int64_t cents, std::optional<std::string> notes) {
    biz::Client client = make_client("c" + std::to_string(++count_));
    client.name = name;
    client.credit = kit::Decimal(cents, 2);
    client.notes = std::move(notes);
    add_client(client);
  }

 private:
  int count_ = 0;
};

TEST_F(OfficeLists, FiltersFindTheSame) {
  add("B", 100, std::nullopt);
  add("a", 250, "100% sure_");
  add("\xC3\xA4", 9'999'999'999,
      "M\xC3\xB6"
      "bel\\");
  add("A", 0, "");
  EXPECT_THAT(where(columns::credit, Operator::eq, std::int64_t{250}), ElementsAre("a"));
  EXPECT_THAT(where(columns::credit, Operator::gt, std::int64_t{99}),
              ElementsAre("B", "a", "\xC3\xA4"));
  EXPECT_THAT(where(columns::name, Operator::eq, "a"), ElementsAre("a"));
  EXPECT_THAT(where(columns::name, Operator::gte, "a"), ElementsAre("a", "\xC3\xA4"));
  EXPECT_THAT(where(columns::notes, Operator::is_null, std::int64_t{1}), ElementsAre("B"));
  EXPECT_THAT(where(columns::notes, Operator::eq, ""), ElementsAre("A"));
  EXPECT_THAT(where(columns::notes, Operator::ne, ""), ElementsAre("B", "a", "\xC3\xA4"));
  EXPECT_THAT(where(columns::notes, Operator::contains, "0% SURE_"), ElementsAre("a"));
  EXPECT_THAT(where(columns::notes, Operator::contains,
                    "\xC3\xB6"
                    "BEL\\"),
              ElementsAre("\xC3\xA4"));
  EXPECT_THAT(where(columns::notes, Operator::like, "100*"), ElementsAre("a"));
  EXPECT_THAT(where(columns::notes, Operator::like, "'; DROP TABLE clients; --"), ElementsAre());
  const std::int64_t start = kit::Timestamp::now().since_epoch.count() - 3'600'000'000;
  EXPECT_EQ(where(columns::created_at, Operator::gt, start).size(), 4U);
  EXPECT_EQ(where(columns::created_at, Operator::lt, start).size(), 0U);
}

TEST_F(OfficeLists, NullsComeFirstAndLetterCaseCounts) {
  for (const auto& [name, notes] : {std::pair<const char*, const char*>{"1", "b"},
                                    {"2", nullptr},
                                    {"3", "A"},
                                    {"4", "a"},
                                    {"5", ""},
                                    {"6", nullptr},
                                    {"7", "\xC3\x84"}}) {
    add(name, 0, notes == nullptr ? std::nullopt : std::optional<std::string>(notes));
  }
  ListQuery query;
  query.sort.push_back({.column = &columns::notes});
  EXPECT_THAT(names(query), ElementsAre("2", "6", "5", "3", "4", "1", "7"));
  query.sort.front().descending = true;
  EXPECT_THAT(names(query), ElementsAre("7", "1", "4", "3", "5", "6", "2"));
  // The same, a row at a time.
  query.limit = 1;
  std::vector<std::string> seen;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = get(store().clients().list(biz::client_table, query));
    for (const biz::Client& client : page.items) seen.push_back(client.name);
    if (!page.next_cursor) break;
    const auto after = kit::db::decode_cursor(biz::client_table, query, *page.next_cursor);
    ASSERT_TRUE(after.ok()) << after.error().describe();
    query.after = *after;
  }
  EXPECT_THAT(seen, ElementsAre("7", "1", "4", "3", "5", "6", "2"));
}

Task<> keep_adding(biz::RepositoryStore& store, bool& stop, int& added) {
  while (!stop) {
    biz::Client client = make_client("w" + std::to_string(added));
    client.name = "w";
    client.credit = kit::Decimal(added % 50 * 100 + 50, 2);
    co_await office::add(store, &biz::Repositories::clients, client);
    ++added;
  }
}

Task<> read_pages(biz::RepositoryStore& store, std::vector<std::string>& seen, bool& stop) {
  ListQuery query;
  query.sort.push_back({.column = &columns::credit, .descending = true});
  query.limit = 7;
  while (true) {
    const auto page = co_await store.clients().list(biz::client_table, query);
    for (const biz::Client& client : page.items) {
      if (client.name != "w") seen.push_back(client.name);
    }
    if (!page.next_cursor) break;
    query.after = co_await kit::db::decode_cursor(biz::client_table, query, *page.next_cursor);
  }
  stop = true;
}

Task<> read_beside(biz::RepositoryStore& store, std::vector<std::string>& seen, int& added) {
  bool stop = false;
  kit::TaskGroup group("pages");
  group.spawn(keep_adding(store, stop, added));
  group.spawn(read_pages(store, seen, stop));
  co_await group.join();
}

TEST_F(OfficeLists, PagesShowEveryRowOnceWhileOthersAreAdded) {
  std::vector<std::string> wanted;
  for (int i = 0; i < 50; ++i) {
    // Two of each credit.
    add("n" + std::to_string(i), i / 2 * 200, std::nullopt);
    wanted.push_back("n" + std::to_string(i));
  }
  std::vector<std::string> seen;
  int added = 0;
  must(read_beside(store(), seen, added));
  EXPECT_THAT(seen, ::testing::UnorderedElementsAreArray(wanted));
  EXPECT_GT(added, 0);
}

TEST_F(OfficeLists, BlanksAtTheEndCountButOnMariaDb) {
  add("x", 0, std::nullopt);
  add("x ", 0, std::nullopt);
  const std::size_t found = where(columns::name, Operator::eq, "x").size();
  EXPECT_EQ(found, database().dialect() == kit::db::Dialect::mysql ? 2U : 1U);
}

TEST_F(OfficeLists, SearchAndTotals) {
  for (int i = 0; i < 30; ++i) add("Name " + std::to_string(i), i, i % 3 == 0 ? "x" : "Third y");
  ListQuery query;
  query.search = "name THIRD";
  query.search_columns = {&columns::name, &columns::notes};
  query.include_total = true;
  query.limit = 5;
  const auto page = get(store().clients().list(biz::client_table, query));
  EXPECT_EQ(page.items.size(), 5U);
  EXPECT_EQ(page.total, 20);
  query.offset = 18;
  EXPECT_EQ(get(store().clients().list(biz::client_table, query)).items.size(), 2U);
}

}  // namespace
}  // namespace office
