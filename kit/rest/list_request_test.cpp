// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/list_request.hpp"

#include <gtest/gtest.h>

#include "kit/rest/expand.hpp"

namespace kit::rest {
namespace {

using db::ColumnType;
using Texts = std::vector<std::string>;

constexpr db::Column id = {
    .name = "id", .sql = "id", .type = ColumnType::integer, .filterable = true, .sortable = true};
constexpr db::Column name = {
    .name = "name", .sql = "name", .type = ColumnType::text, .filterable = true, .sortable = true};
constexpr db::Column price = {.name = "price",
                              .sql = "price",
                              .type = ColumnType::integer,
                              .nullable = true,
                              .filterable = true};
constexpr db::Column owner = {.name = "owner_id", .sql = "owner_id", .type = ColumnType::integer};
constexpr db::Column active = {
    .name = "active", .sql = "active", .type = ColumnType::integer, .filterable = true};
constexpr db::Column since = {
    .name = "since", .sql = "since", .type = ColumnType::integer, .filterable = true};

constexpr db::Column tags = {
    .name = "tags", .sql = "tags", .type = ColumnType::text, .nullable = true, .filterable = true};
constexpr db::Column prices = {
    .name = "prices", .sql = "prices", .type = ColumnType::text, .filterable = true};

constexpr db::ListTable table = {.from = "things", .select = "id, name", .id = &id};
constexpr ListField list_fields[] = {
    {&id, &int64_value},    {&name, &text_value},   {&price, &decimal_value, 2},
    {&owner, &int64_value}, {&active, &bool_value}, {&since, &timestamp_value},
};
constexpr const db::Column* search_columns[] = {&name};
extern const Expandable expandable;
constexpr Relation relations[] = {{.name = "owner", .target = &expandable, .way = 0},
                                  {.name = "group", .target = &expandable, .way = 0}};
constinit const Expandable expandable{.path = "/things", .relations = relations};
constexpr ListOptions options = {.fields = list_fields,
                                 .search = search_columns,
                                 .expandable = &expandable,
                                 .default_limit = 20,
                                 .max_limit = 200};

std::string expanded(const Expand& expand) {
  std::string names;
  for (const ExpandedRelation& each : expand.root().relations) {
    names.append(names.empty() ? "" : ",").append(each.relation->name);
  }
  return names;
}

ListRequest read(std::string_view query) {
  Result<ListRequest> request = read_list(query, table, options);
  EXPECT_TRUE(request) << query << ": " << (request ? "" : request.error().describe());
  return request ? std::move(*request) : ListRequest();
}

Texts problems(std::string_view query) {
  const Result<ListRequest> request = read_list(query, table, options);
  if (request) return {};
  EXPECT_EQ(request.error().code(), Code::invalid_argument);
  EXPECT_EQ(request.error().reason(), "PARAMETERS_INVALID") << query;
  Texts texts;
  for (const FieldViolation& each : request.error().violations())
    texts.push_back(each.field + ": " + each.description);
  if (texts.empty()) texts.push_back("! " + request.error().message());
  return texts;
}

std::string refusal(const auto& result) {
  if (result) return "";
  std::string text;
  for (const FieldViolation& each : result.error().violations())
    text += each.field + ": " + each.description;
  return text;
}

TEST(ReadList, Defaults) {
  const ListRequest request = read("");
  EXPECT_EQ(request.query.limit, 20);
  EXPECT_TRUE(request.query.filters.empty());
  EXPECT_FALSE(request.query.include_total);
  EXPECT_TRUE(request.expand.empty());
}

TEST(ReadList, FiltersTurnIntoStoredValues) {
  const ListRequest request =
      read("price.gte=1.5&name=a+b&active=true&since.lt=1970-01-01T00:00:01Z&id.in=1,2");
  ASSERT_EQ(request.query.filters.size(), 5u);
  EXPECT_EQ(request.query.filters[0].column, &price);
  EXPECT_EQ(request.query.filters[0].op, db::Operator::gte);
  EXPECT_EQ(request.query.filters[0].values, std::vector<db::Value>{std::int64_t{150}});
  EXPECT_EQ(request.query.filters[1].values, std::vector<db::Value>{std::string("a b")});
  EXPECT_EQ(request.query.filters[2].values, std::vector<db::Value>{std::int64_t{1}});
  EXPECT_EQ(request.query.filters[3].values, std::vector<db::Value>{std::int64_t{1'000'000}});
  EXPECT_EQ(request.query.filters[4].values,
            (std::vector<db::Value>{std::int64_t{1}, std::int64_t{2}}));
}

TEST(ReadList, SortLimitSearchExpandTotal) {
  const ListRequest request =
      read("sort=-name,id&limit=200&search=x&expand=group&total=true&price.is_null=false");
  ASSERT_EQ(request.query.sort.size(), 2u);
  EXPECT_TRUE(request.query.sort[0].descending);
  EXPECT_EQ(request.query.sort[1].column, &id);
  EXPECT_EQ(request.query.limit, 200);
  EXPECT_EQ(request.query.search, "x");
  EXPECT_EQ(request.query.search_columns.size(), 1u);
  EXPECT_EQ(expanded(request.expand), "group");
  EXPECT_TRUE(request.query.include_total);
}

TEST(ReadList, NamesTheKnownParameters) {
  EXPECT_EQ(problems("nam=1"),
            Texts{"nam: is no parameter here (did you mean 'name'?); known are: id, name, price, "
                  "active, since, sort, limit, cursor, page, total, search, expand"});
  // Not filterable for clients, though the table has it.
  EXPECT_EQ(problems("owner_id=1").size(), 1u);
}

TEST(ReadList, OneViolationForEachBadParameter) {
  const Texts wrong = problems(
      "id=x&price=1.234&active=1&limit=201&sort=-price&expand=nobody&total=1&name.gt=a&since.in=y");
  EXPECT_EQ(wrong.size(), 9u) << ::testing::PrintToString(wrong);
  EXPECT_EQ(wrong[0], "id: must be a whole number");
  EXPECT_EQ(wrong[3], "limit: must be a whole number from 1 to 200");
  EXPECT_EQ(wrong[4], "sort: 'price' can't be sorted by; known are: id, name");
  EXPECT_EQ(wrong[7], "name.gt: has an unknown operator; 'name' knows: eq, ne, in, contains, like");
}

TEST(ReadList, LimitsAtAndPastThem) {
  EXPECT_EQ(problems("limit=0"), Texts{"limit: must be a whole number from 1 to 200"});
  EXPECT_TRUE(problems("limit=1").empty());
  std::string many = "id.in=1";
  for (std::size_t i = 1; i < db::ListQuery::max_in_values; ++i) many += ",1";
  EXPECT_TRUE(problems(many).empty());
  EXPECT_EQ(problems(many + ",1"), Texts{"id.in: must have at most 200 values"});
  EXPECT_TRUE(problems("search=" + std::string(200, 'a')).empty());
  EXPECT_EQ(problems("search=" + std::string(201, 'a')).size(), 1u);
  EXPECT_TRUE(problems("search=a+a+a+a+a+a+a+a").empty());
  EXPECT_EQ(problems("search=a+a+a+a+a+a+a+a+a").size(), 1u);
}

TEST(ReadList, PagesAreCountedFromOne) {
  EXPECT_EQ(read("page=1").query.offset, 0);
  EXPECT_EQ(read("page=3").query.offset, 40);
  EXPECT_EQ(read("page=3&limit=7&total=true").query.offset, 14);
  EXPECT_EQ(read("sort=name").query.offset, 0);
  for (const char* bad : {"page=0", "page=-1", "page=x", "page=", "page=99999999999999999999"})
    EXPECT_EQ(problems(bad), Texts{"page: must be a whole number from 1"}) << bad;
  EXPECT_EQ(problems("page=1&page=2"), Texts{"page: is given twice"});
}

TEST(ReadList, FarPagesAreForTheCursor) {
  EXPECT_EQ(read("page=501&limit=200").query.offset, 100'000);
  EXPECT_EQ(problems("limit=200&page=502"),
            Texts{"page: must be at most 501 with limit=200; go on with next_cursor"});
  EXPECT_EQ(read("page=100001&limit=1").query.offset, 100'000);
  EXPECT_EQ(problems("page=9223372036854775807&limit=7").size(), 1u);
  // A page and a cursor are two places; a limit that is wrong itself is told once.
  EXPECT_EQ(problems("page=1&cursor=abc"),
            Texts{"page: does not go with cursor, which is a place of its own"});
  EXPECT_EQ(problems("page=2&limit=0"), Texts{"limit: must be a whole number from 1 to 200"});
}

TEST(ReadList, RefusesRepetitionsAndBrokenEncodings) {
  EXPECT_EQ(problems("id=1&id=2"), Texts{"id: is given twice"});
  EXPECT_EQ(problems("sort=name,-name"), Texts{"sort: 'name' is given twice"});
  EXPECT_EQ(problems("name=%zz").size(), 1u);
  for (const char* bad : {"cursor=!!", "cursor=abcd"}) {
    EXPECT_EQ(problems(bad),
              Texts{"cursor: is not one that this list gave with the same filters and sort"});
  }
}

/// Every operator for every type: which are known, and that the others are refused.
TEST(ReadList, OperatorsOfEveryType) {
  const struct {
    const ValueType* type;
    const char* value;
    const char* operators;
  } types[] = {
      {&text_value, "abc", "eq ne in contains like is_null"},
      {&bool_value, "true", "eq is_null"},
      {&int64_value, "5", "eq ne gt gte lt lte in is_null"},
      {&double_value, "1.5", "eq ne gt gte lt lte in is_null"},
      {&decimal_value, "1.50", "eq ne gt gte lt lte in is_null"},
      {&date_value, "2020-02-29", "eq ne gt gte lt lte in is_null"},
      {&time_value, "13:45:00", "eq ne gt gte lt lte in is_null"},
      {&timestamp_value, "2020-02-29T13:45:00Z", "eq ne gt gte lt lte in is_null"},
      {&duration_value, "3.5s", "eq ne gt gte lt lte in is_null"},
      {&uuid_value, "018f0000-0000-7000-8000-000000000001", "eq ne in is_null"},
  };
  for (const auto& each : types) {
    const db::Column column = {
        .name = "x", .sql = "x", .type = ColumnType::integer, .nullable = true, .filterable = true};
    const ListField fields[] = {{&column, each.type, 2}};
    std::string known;
    for (const char* op : {"eq", "ne", "gt", "gte", "lt", "lte", "in", "contains", "like",
                           "is_null", "near", "EQ", ""}) {
      const bool asks_null = std::string_view(op) == "is_null";
      const std::string query = std::string("x.") + op + "=" + (asks_null ? "true" : each.value);
      const Result<ListRequest> request = read_list(query, table, {.fields = fields});
      if (!request) continue;
      known.append(known.empty() ? "" : " ").append(op);
      ASSERT_EQ(request->query.filters.size(), 1u) << query;
      EXPECT_EQ(request->query.filters[0].values.size(), 1u) << query;
    }
    EXPECT_EQ(known, each.operators) << each.value;
    if (each.type == &text_value) continue;
    for (const char* bad : {"x=abc", "x=", "x.in=,", "x.is_null=maybe"}) {
      EXPECT_FALSE(read_list(bad, table, {.fields = fields})) << bad << " as " << each.value;
    }
  }
}

TEST(ReadList, NumbersOfFiltersAndSortsAtAndPastTheirLimits) {
  std::vector<std::string> names;
  for (char c = 'a'; c <= 'z'; ++c) names.push_back(std::string("f") + c);
  std::vector<db::Column> columns;
  for (const std::string& each : names) {
    columns.push_back({.name = each,
                       .sql = each,
                       .type = ColumnType::integer,
                       .filterable = true,
                       .sortable = true});
  }
  std::vector<ListField> fields;
  for (const db::Column& column : columns) fields.push_back({&column, &int64_value});
  const ListOptions many{.fields = fields};
  const auto filters = [&](std::size_t count) {
    std::string query;
    for (std::size_t n = 0; n < count; ++n) {
      query += (n == 0 ? "" : "&") + names[n / 2] + (n % 2 == 0 ? ".gt=1" : ".lt=9");
    }
    return refusal(read_list(query, table, many));
  };
  EXPECT_EQ(filters(db::ListQuery::max_filters), "");
  EXPECT_EQ(filters(db::ListQuery::max_filters + 1), "fq.gt: is one filter too many: at most 32");
  const auto sorts = [&](std::size_t count) {
    std::string query = "sort=" + names[0];
    for (std::size_t n = 1; n < count; ++n) query += ",-" + names[n];
    return refusal(read_list(query, table, many));
  };
  EXPECT_EQ(sorts(db::ListQuery::max_sorts), "");
  EXPECT_EQ(sorts(db::ListQuery::max_sorts + 1), "sort: must have at most 8 keys");
}

TEST(ReadList, FieldsThatAreCalledLikeParameters) {
  static constexpr db::Column total = {
      .name = "total", .sql = "total", .type = ColumnType::integer, .filterable = true};
  static constexpr db::Column search = {
      .name = "search", .sql = "search", .type = ColumnType::integer, .filterable = true};
  static constexpr db::Column hidden = {.name = "page", .sql = "page", .type = ColumnType::integer};
  static constexpr ListField own[] = {
      {&total, &decimal_value, 2}, {&search, &int64_value}, {&hidden, &int64_value}};
  const auto problem = [](std::string_view query) {
    const Result<ListRequest> request = read_list(query, table, {.fields = own});
    return request ? std::string() : request.error().violations().at(0).description;
  };
  EXPECT_EQ(problem("total=5.94"),
            "must be true or false; to filter by the field write total.eq=5.94");
  EXPECT_EQ(problem("total=a%26b"),
            "must be true or false; to filter by the field write total.eq=...");
  EXPECT_EQ(problem("total.eq=5.94&total=true"), "");
  // Without a search the name is the field's alone; what clients can't filter by is not offered.
  EXPECT_EQ(problem("search=x"), "must be a whole number");
  EXPECT_EQ(problem("page=x"), "must be a whole number from 1");
}

TEST(ReadList, LongNamesAreCut) {
  const std::string longest(7000, 'x');
  const std::string shown = std::string(64, 'x') + "...";
  EXPECT_TRUE(problems(longest + "=1").at(0).starts_with(shown + ": is no parameter here; known"));
  EXPECT_TRUE(
      problems("name." + longest + "=1").at(0).starts_with("name." + shown.substr(5) + ": "));
  EXPECT_TRUE(problems("sort=" + longest).at(0).starts_with("sort: '" + shown + "' can't be"));
  EXPECT_TRUE(problems("expand=" + longest).at(0).starts_with("expand: '" + shown + "' can't be"));
  EXPECT_LT(problems(longest + "=1&" + longest + "=2").at(0).size(), 200u);
}

TEST(ReadList, TheScopeComesFirstAndStays) {
  const Result<ListRequest> request =
      read_list("id=3", table, options, db::Filter{&owner, db::Operator::eq, {std::int64_t{9}}});
  ASSERT_TRUE(request);
  ASSERT_EQ(request->query.filters.size(), 2u);
  EXPECT_EQ(request->query.filters[0].column, &owner);
}

struct Thing {
  std::int64_t id = 0;
  std::string name;
  std::int64_t price = 0;
  std::string pin;
};
constexpr Field answer_rows[] = {
    read_only("id"),
    field<&Thing::name>("name", Rule::required),
    field<&Thing::price>("price", Rule::optional),
    secret(field<&Thing::pin>("pin", Rule::optional)),
};
constexpr std::span<const Field> answer = answer_rows;
constexpr db::ListTable kept_table = {
    .from = "things", .select = "id, name", .id = &id, .live = "deleted_at IS NULL"};

ListOptions with_fields() {
  ListOptions all = options;
  all.answer = &answer;
  return all;
}

TEST(ReadView, KnowsExpandAndFieldsOnly) {
  EXPECT_EQ(expanded(read_view("expand=owner,group", options)->expand), "owner,group");
  EXPECT_FALSE(read_view("sort=id", options));
  EXPECT_FALSE(read_view("fields=id", options));
  EXPECT_FALSE(read_view("expand=owner", {}));
  EXPECT_TRUE(read_view("", {}));
  const Result<ViewRequest> both = read_view("fields=price&expand=group", with_fields());
  ASSERT_TRUE(both);
  EXPECT_EQ(expanded(both->expand), "group");
  EXPECT_TRUE(both->shown.has(0)) << "the id is always there";
  EXPECT_FALSE(both->shown.has(1));
  EXPECT_TRUE(both->shown.has(2));
}

TEST(ReadList, FieldsAreThoseOfTheAnswer) {
  const ListOptions all = with_fields();
  EXPECT_TRUE(read_list("", table, all)->shown.is_all());
  const Result<ListRequest> some = read_list("fields=name,name&limit=3", table, all);
  ASSERT_TRUE(some);
  EXPECT_TRUE(some->shown.has(0));
  EXPECT_TRUE(some->shown.has(1));
  EXPECT_FALSE(some->shown.has(2));
  EXPECT_EQ(refusal(read_list("fields=nam", table, all)),
            "fields: 'nam' is no field of the answer (did you mean 'name'?); known are: id, name, "
            "price");
  for (const std::string_view bad : {"pin", "", "name,", "owner_id", "id,Name"}) {
    const std::string text = refusal(read_list("fields=" + std::string(bad), table, all));
    EXPECT_TRUE(text.starts_with("fields: '")) << bad << ": " << text;
    EXPECT_TRUE(text.ends_with("known are: id, name, price")) << bad << ": " << text;
  }
  EXPECT_EQ(refusal(read_list("fields=id&fields=name", table, all)), "fields: is given twice");
}

TEST(ReadList, WhatIsNotVisibleIsNotThere) {
  ListOptions some = with_fields();
  some.visible = FieldMask::none(answer.size());
  some.visible.add(0);
  some.visible.add(2);
  EXPECT_TRUE(read_list("price=1.00&fields=price", table, some));
  EXPECT_TRUE(refusal(read_list("name=x", table, some)).starts_with("name: is no parameter here"));
  EXPECT_EQ(refusal(read_list("sort=name", table, some)),
            "sort: 'name' can't be sorted by; known are: id");
  EXPECT_TRUE(refusal(read_list("search=x", table, some)).starts_with("search: is no parameter"));
  EXPECT_EQ(refusal(read_list("fields=name", table, some)),
            "fields: 'name' is no field of the answer; known are: id, price");
}

TEST(ReadList, DeletedRowsWhereThereAreSome) {
  EXPECT_EQ(read_list("", kept_table, options)->query.deleted, db::Deleted::exclude);
  EXPECT_EQ(read_list("deleted=only", kept_table, options)->query.deleted, db::Deleted::only);
  EXPECT_EQ(read_list("deleted=include", kept_table, options)->query.deleted, db::Deleted::include);
  EXPECT_TRUE(refusal(read_list("deleted=true", kept_table, options)).starts_with("deleted: must"));
  EXPECT_TRUE(refusal(read_list("deleted=only", table, options)).starts_with("deleted: is no"));
}

TEST(FieldMasks, AreEmptyWordsOrBits) {
  FieldMask mask = FieldMask::none(130);
  for (const std::size_t field : {0u, 63u, 64u, 129u}) mask.add(field);
  std::size_t count = 0;
  for (std::size_t field = 0; field < 130; ++field) count += mask.has(field) ? 1 : 0;
  EXPECT_EQ(count, 4u);
  EXPECT_FALSE(mask.is_all());
  EXPECT_EQ(mask & FieldMask(), mask);
  FieldMask other = FieldMask::none(130);
  other.add(64);
  EXPECT_EQ(mask & other, other);
}

TEST(ReadList, ArraysAreAskedForAnElement) {
  static constexpr ListField fields[] = {
      {&id, &int64_value}, {&tags, &text_elements}, {&prices, &decimal_elements, 2}};
  static constexpr ListOptions arrays = {.fields = fields};
  const auto request =
      read_list("tags.has=red,blue&prices.has=1.5&tags.is_null=false", table, arrays);
  ASSERT_TRUE(request);
  ASSERT_EQ(request->query.filters.size(), 3u);
  EXPECT_EQ(request->query.filters[0].op, db::Operator::has);
  EXPECT_EQ(request->query.filters[0].values, std::vector<db::Value>{std::string("red,blue")});
  EXPECT_EQ(request->query.filters[1].values, std::vector<db::Value>{std::string("1.50")});
  const auto problem = [&](std::string_view query) {
    const auto refused = read_list(query, table, arrays);
    return refused ? "" : refused.error().violations().front().description;
  };
  EXPECT_EQ(problem("tags=red"), "needs an operator; 'tags' knows: is_null, has");
  EXPECT_EQ(problem("prices.in=1"), "has an unknown operator; 'prices' knows: has");
  EXPECT_EQ(problem("prices.has=1.555"),
            "must be a decimal number with no more digits than the field has");
  EXPECT_TRUE(problem("sort=tags").starts_with("'tags' can't be sorted by"));
  EXPECT_EQ(problem("id.has=1"),
            "has an unknown operator; 'id' knows: eq, ne, gt, gte, lt, lte, in");
}

}  // namespace
}  // namespace kit::rest
