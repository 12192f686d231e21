// SPDX-License-Identifier: Apache-2.0
#include "kit/record/access.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/record/related.hpp"

namespace kit::record {
namespace {

constexpr std::string_view read_roles[] = {"support", "agent", "admin"};
constexpr std::string_view write_roles[] = {"editor", "admin"};
constexpr std::string_view credit_roles[] = {"finance"};
constexpr FieldRule field_rules[] = {{"credit", 3, credit_roles}};
constexpr RowRule row_rules[] = {{"support", "owner_a"}, {"agent", "owner_b"}};
constexpr AccessRules rules = {
    .name = {.label = "customer", .upper = "CUSTOMER"},
    .entity = "Customer",
    .read = read_roles,
    .write = write_roles,
    .fields = field_rules,
    .rows = row_rules,
};
constexpr AccessRules open_rules = {.name = {}, .entity = "Open", .read = {}, .write = write_roles};
constexpr AccessRules read_only_rules = {
    .name = {}, .entity = "Read", .read = read_roles, .write = {}};

/// Whom this thread works for meanwhile.
class As {
 public:
  explicit As(std::vector<std::string> roles, const AccessPolicy* policy = nullptr)
      : caller_{.subject = "me", .roles = std::move(roles), .policy = policy} {
    current_caller = &caller_;
  }
  ~As() { current_caller = nullptr; }

 private:
  Caller caller_;
};

std::string reason(const Result<>& result) {
  return result ? "" : std::string(result.error().reason());
}

TEST(Demand, NobodyInParticularMayEverything) {
  EXPECT_TRUE(demand(rules, Use::write));
  EXPECT_TRUE(allows_every_field(rules));
  EXPECT_FALSE(is_limited(rules));
}

TEST(Demand, AsksTheRolesOfTheUse) {
  for (const auto& [role, reads, writes] :
       {std::tuple("support", true, false), std::tuple("editor", true, true),
        std::tuple("admin", true, true), std::tuple("finance", false, false)}) {
    const As caller({role});
    EXPECT_EQ(demand(rules, Use::read).ok(), reads) << role;
    EXPECT_EQ(demand(rules, Use::write).ok(), writes) << role;
  }
  const As nobody({});
  EXPECT_EQ(reason(demand(rules, Use::read)), "CUSTOMER_READ_FORBIDDEN");
  EXPECT_EQ(reason(demand(rules, Use::write)), "CUSTOMER_WRITE_FORBIDDEN");
  EXPECT_EQ(demand(rules, Use::read).error().code(), Code::permission_denied);
}

TEST(Demand, AListThatIsNotGiven) {
  const As nobody({});
  EXPECT_TRUE(demand(open_rules, Use::read));
  EXPECT_FALSE(demand(open_rules, Use::write));
  EXPECT_FALSE(demand(read_only_rules, Use::read));
  EXPECT_FALSE(demand(read_only_rules, Use::write));
}

TEST(Demand, WithoutWritersWhoMayReadMayWrite) {
  const As caller({"support"});
  EXPECT_TRUE(demand(read_only_rules, Use::write));
}

TEST(Fields, AreOfTheirRoles) {
  {
    const As caller({"admin"});
    EXPECT_FALSE(allows_every_field(rules));
    EXPECT_FALSE(allows_field(rules, field_rules[0]));
  }
  const As caller({"admin", "finance"});
  EXPECT_TRUE(allows_every_field(rules));
}

TEST(Rows, OfEveryRoleWithARule) {
  {
    const As caller({"support"});
    EXPECT_EQ(row_limit(rules).owners, std::vector<std::string_view>{"owner_a"});
    EXPECT_EQ(row_limit(rules).owner, "me");
  }
  {
    const As caller({"agent", "support", "finance"});
    EXPECT_EQ(row_limit(rules).owners, (std::vector<std::string_view>{"owner_a", "owner_b"}));
  }
  {
    const As caller({"support", "admin"});
    EXPECT_FALSE(is_limited(rules)) << "a role without a rule sees all";
    EXPECT_FALSE(row_limit(rules).is_limited);
  }
  const As stranger({"finance"});
  EXPECT_TRUE(row_limit(rules).is_limited) << "what no rule names has no rows";
  EXPECT_TRUE(row_limit(rules).owners.empty());
}

class Upside final : public AccessPolicy {
 public:
  bool allows(const Caller&, std::string_view entity, Use, bool by_schema) const override {
    return entity == "Customer" ? !by_schema : by_schema;
  }
  bool allows_field(const Caller&, std::string_view, std::string_view field,
                    bool by_schema) const override {
    return field == "credit" ? !by_schema : by_schema;
  }
};

TEST(Policies, HaveTheLastWord) {
  const Upside policy;
  const As caller({"admin"}, &policy);
  EXPECT_FALSE(demand(rules, Use::read));
  EXPECT_FALSE(demand(rules, Use::write));
  EXPECT_TRUE(demand(open_rules, Use::read));
  EXPECT_TRUE(allows_every_field(rules));
}

constexpr db::Column id = {.name = "id", .sql = "id", .type = db::ColumnType::integer};
constexpr db::ListTable table = {
    .from = "customers", .select = "id", .columns = 1, .id = &id, .live = "deleted_at IS NULL"};

TEST(RowLimits, AreConditionsOfTheirOwn) {
  db::ListQuery query;
  query.search = "";
  db::RowLimit limit{.is_limited = true, .owners = {"a", "(SELECT b FROM c)"}, .owner = "me"};
  const Result<db::BuiltQuery> built = db::build_count(table, query, limit);
  ASSERT_TRUE(built);
  EXPECT_EQ(built->sql,
            "SELECT count(*) FROM customers WHERE deleted_at IS NULL AND (a = ?1 OR (SELECT b FROM "
            "c) = ?1)");
  EXPECT_EQ(built->values, std::vector<db::Value>{std::string("me")});
  limit.owner.clear();
  EXPECT_TRUE(db::build_count(table, query, limit)->sql.ends_with(" AND FALSE"))
      << "a caller without a name owns nothing, not what has no owner";
  limit = {.is_limited = true, .owners = {}, .owner = "me"};
  EXPECT_TRUE(db::build_count(table, query, limit)->sql.ends_with(" AND FALSE"));
}

/// Remembers what it was asked, "null" and texts as they are.
class Asked final : public db::Session {
 public:
  Task<> query(std::string_view, std::span<const db::Parameter> parameters, db::RowSink) override {
    values.clear();
    for (const db::Parameter& each : parameters) {
      const auto* number = std::get_if<std::int64_t>(&each);
      const auto* text = std::get_if<std::string_view>(&each);
      values.push_back(number != nullptr ? std::to_string(*number)
                       : text != nullptr ? std::string(*text)
                                         : "null");
    }
    co_return;
  }
  Task<Changed> execute(std::string_view, std::span<const db::Parameter>) override {
    co_return Changed{};
  }
  db::Dialect dialect() const override { return db::Dialect::sqlite; }
  std::vector<std::string> values;
};

TEST(Related, SaysWhoseRowsAreMeant) {
  constexpr db::Sql select = {.sqlite = "SELECT"};
  using Texts = std::vector<std::string>;
  const std::unique_ptr<Loop> loop = make_epoll_loop().value();
  Asked session;
  std::vector<std::size_t> keys;
  auto sink = [](const db::Row&) -> Result<> { return {}; };
  const auto bound = [&](const RelatedQuery& query) {
    EXPECT_TRUE(run(*loop, find_related(session, select, query, 1, keys, sink, rules)));
    return session.values;
  };
  const RelatedQuery by_id{.keys = "[1]"};
  const RelatedQuery many{.way = 1, .keys = "[1]", .per_key = 101, .max_rows = 50};
  EXPECT_EQ(bound(by_id), (Texts{"[1]", "1", "", "0", "0"})) << "work for nobody sees all rows";
  const auto of = [&](std::vector<std::string> roles) {
    const As caller(std::move(roles));
    return bound(many);
  };
  EXPECT_EQ(of({"admin"}), (Texts{"[1]", "101", "50", "1", "", "0", "0"}));
  EXPECT_EQ(of({"support"}), (Texts{"[1]", "101", "50", "0", "me", "1", "0"}));
  EXPECT_EQ(of({"agent"}), (Texts{"[1]", "101", "50", "0", "me", "0", "1"}));
  EXPECT_EQ(of({"agent", "support"}), (Texts{"[1]", "101", "50", "0", "me", "1", "1"}));
  EXPECT_EQ(of({"stranger"}), (Texts{"[1]", "101", "50", "0", "me", "0", "0"}));
  const Caller nameless{.subject = "", .roles = {"support"}};
  current_caller = &nameless;
  EXPECT_EQ(bound(by_id), (Texts{"[1]", "0", "", "0", "0"})) << "who has no name owns nothing";
  current_caller = nullptr;
  EXPECT_TRUE(run(*loop, find_related(session, select, many, 1, keys, sink)));
  EXPECT_EQ(session.values, (Texts{"[1]", "101", "50"}));
}

}  // namespace
}  // namespace kit::record
