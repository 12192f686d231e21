// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/expand.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/base/text.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {
namespace {

/// A node of a tree that knows its parent, its children and, by a table, its friends.
struct Node {
  std::int64_t id = 0;
  std::string name;
  std::optional<std::int64_t> parent_id;
};

struct Link {
  std::int64_t weight = 0;
};

constexpr std::string_view keepers[] = {"keeper"};
constexpr record::FieldRule field_rules[] = {{"parent_id", 2, keepers}};
constexpr record::AccessRules rules{.name = {.label = "node", .upper = "NODE"},
                                    .entity = "Node",
                                    .read = {},
                                    .write = {},
                                    .fields = field_rules};
constexpr Field node_fields[] = {read_only("id"), read_only("name"), read_only("parent_id")};
constexpr std::span<const Field> all_fields = node_fields;
constexpr db::Column id_column{.name = "id", .sql = "id", .type = db::ColumnType::integer};
constexpr db::Column parent_column{
    .name = "parent_id", .sql = "parent_id", .type = db::ColumnType::integer};
constexpr db::ListTable table{.from = "nodes", .select = "id", .columns = 1, .id = &id_column};

void write(json::Writer& out, const Node& node, const FieldMask& shown) {
  out.begin_object();
  if (shown.has(0)) out.member("id", node.id);
  if (shown.has(1)) out.member("name", node.name);
  out.end_object();
}

void write(json::Writer& out, const Link& link) {
  out.begin_object();
  out.member("weight", link.weight);
  out.end_object();
}

/// Rows by arithmetic: node n has `children` children, numbered from n * 1000.
struct Nodes {
  std::int64_t children = 2;
  std::vector<record::RelatedQuery> asked;

  Task<record::Related<Node>> find_related(const record::RelatedQuery& query) {
    asked.push_back(query);
    record::Related<Node> found;
    std::vector<Link> links;
    const std::string_view list = std::string_view(query.keys).substr(1, query.keys.size() - 2);
    const std::vector<std::string_view> keys = split(list, ',');
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::int64_t key = *parse_int(keys[i]);
      const std::int64_t wanted = query.way == 0 ? 1 : std::min(children, query.per_key);
      for (std::int64_t n = 0; n < wanted; ++n) {
        if (query.per_key > 0 && std::cmp_equal(found.items.size(), query.max_rows)) break;
        const std::int64_t id = query.way == 0 ? key : key * 1000 + n;
        found.items.push_back({id, "n" + std::to_string(id), key});
        found.keys.push_back(i);
        links.push_back({id * 10});
      }
    }
    if (query.way == 2) found.links = std::move(links);
    co_return found;
  }
};

extern const Expandable nodes;
constexpr Relation relations[] = {
    belongs_to<&Node::parent_id>("parent", nodes, 0, "parent_id"),
    has_many("children", nodes, 1, "parent_id", table, parent_column),
    has_one("first", nodes, 1, "parent_id"),
    many_to_many<Link, write>("friends", nodes, 2, table, parent_column),
};
constinit const Expandable nodes{.path = "/nodes",
                                 .relations = relations,
                                 .fields = &all_fields,
                                 .id = key_of<&Node::id>,
                                 .write = write_row<Node, write>,
                                 .load = load_from<Node, Nodes>,
                                 .access = &rules};
constexpr ListOptions options{.expandable = &nodes, .answer = &all_fields};

/// The rows are made up: nobody asks it anything.
class NoDatabase final : public db::Database {
 public:
  Task<> query(std::string_view, std::span<const db::Parameter>, db::RowSink) override {
    co_await Error(Code::internal, "asked");
  }
  Task<Changed> execute(std::string_view, std::span<const db::Parameter>) override {
    co_return Error(Code::internal, "asked");
  }
  Task<std::unique_ptr<db::Transaction>> begin() override {
    co_return Error(Code::internal, "asked");
  }
  Task<std::unique_ptr<db::Transaction>> begin_read() override { return begin(); }
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation) override { return begin(); }
  db::Session& replica() override { return *this; }
  db::Dialect dialect() const override { return db::Dialect::sqlite; }
};

class ExpandTest : public ::testing::Test {
 protected:
  ExpandTest() : backend_(database_) {
    auto loop = make_epoll_loop();
    EXPECT_TRUE(loop);
    loop_ = std::move(*loop);
    backend_.add_service(nodes, &service_);
  }

  Result<std::string> answer(std::string_view query, const std::vector<Node>& rows) {
    Result<ViewRequest> asked = read_view(query, options);
    if (!asked) return std::move(asked).error();
    Result<Expansion> expansion = kit::run(*loop_, expand(backend_, asked->expand, row_span(rows)));
    if (!expansion) return std::move(expansion).error();
    std::string text;
    json::Writer out(text);
    out.begin_array();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      write(out, rows[i], asked->shown);
      expansion->write(out, i);
    }
    out.end_array();
    return text;
  }
  std::string text(std::string_view query, const std::vector<Node>& rows) {
    const Result<std::string> done = answer(query, rows);
    return done ? *done : problem(done.error());
  }
  static std::string problem(const Error& error) {
    std::string text = error.reason();
    for (const FieldViolation& each : error.violations())
      text += "|" + each.field + ": " + each.description;
    return text;
  }
  std::string refused(const std::string& paths) {
    const Result<ViewRequest> asked = read_view("expand=" + paths, options);
    return asked ? "" : problem(asked.error());
  }

  std::unique_ptr<Loop> loop_;
  NoDatabase database_;
  Backend backend_;
  Nodes service_;
};

TEST_F(ExpandTest, ARowHasWhatItRefersToOrNull) {
  EXPECT_EQ(text("expand=parent", {{1, "a", 7}, {2, "b", std::nullopt}, {3, "c", 7}}),
            R"([{"id":1,"name":"a","parent":{"id":7,"name":"n7"}},)"
            R"({"id":2,"name":"b","parent":null},)"
            R"({"id":3,"name":"c","parent":{"id":7,"name":"n7"}}])");
  ASSERT_EQ(service_.asked.size(), 1U);
  EXPECT_EQ(service_.asked[0].keys, "[7]") << "each key once";
  EXPECT_EQ(service_.asked[0].per_key, 0);
}

TEST_F(ExpandTest, ListsAreEmptyRatherThanMissing) {
  service_.children = 0;
  EXPECT_EQ(text("expand=children,first", {{1, "a", {}}}),
            R"([{"id":1,"name":"a","children":[],"first":null}])");
  EXPECT_EQ(text("expand=children.children", {{1, "a", {}}}),
            R"([{"id":1,"name":"a","children":[]}])");
}

TEST_F(ExpandTest, PathsAndFieldsOfThem) {
  EXPECT_EQ(text("fields=children.parent.name&expand=children.parent", {{1, "a", {}}}),
            R"([{"id":1,"name":"a","children":[)"
            R"({"id":1000,"name":"n1000","parent":{"id":1,"name":"n1"}},)"
            R"({"id":1001,"name":"n1001","parent":{"id":1,"name":"n1"}}]}])");
  EXPECT_EQ(text("expand=children.parent&fields=name,children.id", {{1, "a", {}}}),
            R"([{"id":1,"name":"a","children":[)"
            R"({"id":1000,"parent":{"id":1,"name":"n1"}},)"
            R"({"id":1001,"parent":{"id":1,"name":"n1"}}]}])");
  EXPECT_EQ(text("expand=friends&fields=id", {{1, "a", {}}}),
            R"([{"id":1,"friends":[{"id":1000,"name":"n1000","link":{"weight":10000}},)"
            R"({"id":1001,"name":"n1001","link":{"weight":10010}}]}])");
}

TEST_F(ExpandTest, OneStatementForARelationWhateverTheRows) {
  std::vector<Node> rows;
  for (std::int64_t i = 1; i <= 200; ++i) rows.push_back({i, "r", i % 7});
  EXPECT_TRUE(answer("expand=parent,children.friends.parent,children", rows));
  EXPECT_EQ(service_.asked.size(), 4U);
  EXPECT_TRUE(answer("expand=parent", {}));
  EXPECT_EQ(service_.asked.size(), 4U) << "none for no rows";
}

TEST_F(ExpandTest, TheFirstHundredAndWhereTheRestIs) {
  service_.children = 100;
  EXPECT_EQ(text("expand=children", {{1, "a", {}}}).find(".next"), std::string::npos);
  service_.children = 101;
  const std::string more =
      text("expand=children.children&fields=children.children.id", {{1, "a", {}}});
  EXPECT_EQ(more,
            "PARAMETERS_INVALID|expand: would add more than 10000 rows; ask for fewer with "
            "limit=, or for the lists of their own");
  const std::string cut = text("expand=children.parent", {{1, "a", {}}});
  const std::size_t next = cut.find(R"("children.next":"/nodes/1/children?cursor=)");
  ASSERT_NE(next, std::string::npos);
  EXPECT_EQ(cut.find("n1100"), std::string::npos) << "the one too many is not shown";
  EXPECT_NE(cut.find("n1099"), std::string::npos);
  // It goes on behind the last one that was shown.
  const std::size_t from = cut.find('=', next) + 1;
  db::ListQuery query;
  query.filters.push_back({&parent_column, db::Operator::eq, {std::int64_t{1}}});
  const auto after = db::decode_cursor(table, query, cut.substr(from, cut.find('"', from) - from));
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, std::vector<db::Value>{std::int64_t{1099}});
}

TEST_F(ExpandTest, RowsCountAsOftenAsTheyAreWritten) {
  service_.children = 100;
  std::vector<Node> rows(99, Node{1, "r", 7});
  EXPECT_TRUE(answer("expand=parent.children", rows)) << "99 * 101 rows";
  rows.push_back({1, "r", 7});
  const Result<std::string> refused = answer("expand=parent.children", rows);
  ASSERT_FALSE(refused) << "100 * 101 rows of 101 that are loaded";
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  rows.assign(100, Node());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].id = static_cast<std::int64_t>(i) + 1;
  EXPECT_TRUE(answer("expand=children", rows)) << "10 000 rows";
  service_.children = 101;
  EXPECT_TRUE(answer("expand=children", rows)) << "the same, and more that are not shown";
  service_.children = 100;
  EXPECT_FALSE(answer("expand=children,first", rows));
}

TEST_F(ExpandTest, WhatIsWrongWithAPathIsSaid) {
  const std::string start = "PARAMETERS_INVALID|expand: ";
  const std::string known = "; known are: parent, children, first, friends";
  EXPECT_EQ(refused(""), start + "is empty: leave it out");
  EXPECT_EQ(refused("parent,"), start + "has an empty name between its commas");
  EXPECT_EQ(refused("parent..parent"), start + "'parent..parent' has an empty name");
  EXPECT_EQ(refused(".parent"), start + "'.parent' has an empty name");
  EXPECT_EQ(refused("parnt"), start + "'parnt' can't be expanded (did you mean 'parent'?)" + known);
  EXPECT_EQ(refused("zebra.parent"), start + "'zebra.parent' can't be expanded" + known);
  EXPECT_EQ(refused("parent.childen"),
            start +
                "'parent.childen' can't be expanded (did you mean 'children'?); known of parent "
                "are: parent, children, first, friends");
  EXPECT_EQ(refused("parent,first,parent"), start + "'parent' is given twice");
  EXPECT_EQ(refused("parent.first,parent"), "") << "not twice: it is only on the way";
  EXPECT_EQ(refused("parent.parent.parent"), "");
  EXPECT_EQ(refused("parent.parent.parent.parent"),
            start +
                "'parent.parent.parent.parent' goes too far: at most 3 relations one behind "
                "the other");
}

TEST_F(ExpandTest, AtMostTwentyRelations) {
  // 4 + 4 * 4: all of the first two steps.
  std::string paths;
  for (const Relation& first : relations) {
    for (const Relation& second : relations) {
      paths.append(paths.empty() ? "" : ",").append(first.name).append(".").append(second.name);
    }
  }
  EXPECT_EQ(refused(paths), "");
  EXPECT_NE(refused(paths + ",parent.parent.parent").find("at most 20"), std::string::npos);
}

TEST_F(ExpandTest, FieldsOfWhatIsNotThere) {
  const auto fields = [](const std::string& query) {
    const Result<ViewRequest> asked = read_view(query, options);
    return asked ? "" : problem(asked.error());
  };
  EXPECT_EQ(fields("fields=parent.name"),
            "PARAMETERS_INVALID|fields: 'parent.name' is no field of what expand= asks for");
  EXPECT_EQ(fields("fields=children.name&expand=parent"),
            "PARAMETERS_INVALID|fields: 'children.name' is no field of what expand= asks for");
  EXPECT_EQ(fields("fields=parent.nam&expand=parent"),
            "PARAMETERS_INVALID|fields: 'parent.nam' is no field of the answer (did you mean "
            "'name'?); known are: id, name, parent_id");
  EXPECT_NE(fields("fields=parent.&expand=parent"), "");
  EXPECT_NE(fields("fields=.name&expand=parent"), "");
}

TEST_F(ExpandTest, WhoDoesNotSeeTheReferenceKnowsNothingOfTheRelation) {
  const Caller caller{.subject = "x", .roles = {"other"}};
  Context context;
  context.set_caller(&caller);
  const Context::Entry entry(&context);
  const std::string start = "PARAMETERS_INVALID|expand: ";
  for (const std::string path : {"parent", "children", "first", "friends.children"}) {
    const std::string of = path.find('.') == path.npos ? "" : " of friends";
    EXPECT_EQ(refused(path),
              start + "'" + path + "' can't be expanded; known" + of + " are: friends");
  }
  EXPECT_EQ(refused("friends"), "");
  const Result<ViewRequest> fields = read_view("expand=friends&fields=friends.parent_id", options);
  ASSERT_FALSE(fields);
  EXPECT_EQ(problem(fields.error()),
            "PARAMETERS_INVALID|fields: 'friends.parent_id' is no field of the answer; known are: "
            "id, name");
}

}  // namespace
}  // namespace kit::rest
