// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/bulk.hpp"

#include <array>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/record/errors.hpp"
#include "kit/validate/checker.hpp"

namespace kit::sqlite {
namespace {

using http::Response;

using ThingId = Id<struct ThingTag, Uuid>;
struct Thing {
  ThingId id;
  std::string name;
  std::int64_t version = 1;
};

constexpr rest::Field thing_fields[] = {
    rest::field<&Thing::name>("name", rest::Rule::required),
    rest::read_only("version"),
};

void constraints(const Thing& thing, std::vector<FieldViolation>& violations) {
  if (thing.name.size() > 5) violations.push_back({"name", "is too long"});
}

/// What a generated service does, in short.
class ThingService {
 public:
  explicit ThingService(db::Database& database) : database_(database) {}

  Task<Thing> create(Thing thing) {
    co_await validate::check(thing, constraints);
    auto unit = co_await database_.begin();
    thing.id = ThingId(Uuid::make_v7());
    const std::string id = thing.id.value().to_string();
    const std::array<db::Parameter, 2> values = {std::string_view(id),
                                                 std::string_view(thing.name)};
    const auto added =
        co_await as_result(unit->execute("INSERT INTO things VALUES (?1, ?2, 1)", values));
    if (!added) {
      co_return Error(Code::already_exists, "taken")
          .with_reason("THING_NAME_TAKEN")
          .with_http_status(409)
          .with_violation("name", "is taken");
    }
    co_await unit->commit();
    co_return thing;
  }
  Task<Thing> update(ThingId id, std::optional<std::int64_t> version,
                     FunctionRef<Result<>(Thing&)> change) {
    auto unit = co_await database_.begin();
    Thing thing = co_await find(*unit, id, version);
    co_await change(thing);
    const std::string key = id.value().to_string();
    const std::array<db::Parameter, 2> values = {std::string_view(key),
                                                 std::string_view(thing.name)};
    co_await unit->execute("UPDATE things SET name = ?2, version = version + 1 WHERE id = ?1",
                           values);
    co_await unit->commit();
    ++thing.version;
    co_return thing;
  }
  Task<> remove(ThingId id, std::optional<std::int64_t> version) {
    auto unit = co_await database_.begin();
    co_await find(*unit, id, version);
    const std::string key = id.value().to_string();
    const std::array<db::Parameter, 1> values = {std::string_view(key)};
    co_await unit->execute("DELETE FROM things WHERE id = ?1", values);
    co_await unit->commit();
  }

 private:
  static constexpr record::EntityName thing_name = {.label = "thing", .upper = "THING"};
  static Task<Thing> find(db::Session& session, ThingId id, std::optional<std::int64_t> version) {
    Thing thing;
    thing.version = 0;
    const std::string key = id.value().to_string();
    const std::array<db::Parameter, 1> values = {std::string_view(key)};
    auto sink = [&](const db::Row& row) -> Result<> {
      thing = {id, std::string(row.text(0)), row.int64(1)};
      return {};
    };
    co_await session.query("SELECT name, version FROM things WHERE id = ?1", values, sink);
    if (thing.version == 0) co_return record::not_found(thing_name, id);
    if (version && *version != thing.version) co_return record::version_mismatch(thing_name);
    co_return thing;
  }
  db::Database& database_;
};

struct Fixture {
  Fixture() {
    EXPECT_TRUE(
        database.execute("CREATE TABLE things(id TEXT, name TEXT UNIQUE, version INTEGER)").ok());
    EXPECT_TRUE(database
                    .execute("INSERT INTO things VALUES ('" + first + "', 'one', 1), ('" + second +
                             "', 'two', 1)")
                    .ok());
  }
  const std::string first = "0190b9c0-7b2a-7cc3-9d6e-000000000001";
  const std::string second = "0190b9c0-7b2a-7cc3-9d6e-000000000002";
  TestDatabase database;
  rest::Backend backend{*database};
  ThingService service{backend.database()};

  Task<Response> send(std::string body) {
    using Target = rest::ServiceBulk<Thing, ThingService>;
    Target::Form form;
    form.fields = thing_fields;
    form.validate = constraints;
    form.write = [](json::Writer& out, const Thing& thing) {
      out.begin_object();
      out.member("name", thing.name);
      out.member("version", thing.version);
      out.end_object();
    };
    Target target(service, form);
    http::Request request;
    request.body = body;
    Task<Response> calling = rest::bulk(request, backend, target);
    co_return co_await std::move(calling);
  }
  Result<Response> post(std::string body) { return database.run(send(std::move(body))); }
  /// "CODE status REASON: field description; ..."
  std::string refusal(std::string body) {
    const Result<Response> response = post(std::move(body));
    if (response) return "no refusal: " + response->body;
    std::string text =
        std::to_string(response.error().http_status()) + " " + response.error().reason() + ":";
    for (const FieldViolation& each : response.error().violations())
      text += " " + each.field + " " + each.description + ";";
    return text;
  }
  std::string names() { return database.text("SELECT name FROM things ORDER BY name"); }
};

TEST(Bulk, EverythingInOneTransaction) {
  Fixture f;
  const Result<Response> done = f.post(R"({"create": [{"name": "one"}, {"name": "six"}],
                 "update": [{"id": ")" +
                                       f.second + R"(", "version": 1, "patch": {"name": "2"}}],
                 "delete": [{"id": ")" +
                                       f.first + R"("}]})");
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(done->status, 200);
  EXPECT_EQ(done->body, R"({"delete":[{"id":")" + f.first +
                            R"("}],"update":[{"name":"2","version":2}],"create":[{"name":"one",)"
                            R"("version":1},{"name":"six","version":1}]})");
  EXPECT_EQ(f.names(), "2,one,six") << "what is deleted makes room for what is created";
  EXPECT_EQ(f.database->stats().commits, 3U) << "one commit besides those of the fixture";
}

TEST(Bulk, NothingToDoIsNoFailure) {
  Fixture f;
  EXPECT_EQ(f.post("{}")->body, R"({"delete":[],"update":[],"create":[]})");
  EXPECT_EQ(f.database->stats().commits, 2U);
}

TEST(Bulk, EveryBadItemIsToldAndNothingDone) {
  Fixture f;
  EXPECT_EQ(f.refusal(R"({"create": [{"name": "new"}, {"name": "two"}, {}, {"name": "too long"}, 7,
                                     {"name": "new"}, {"name": "x", "nam": 1}],
                          "update": [{"id": "x", "patch": {"name": "x"}},
                                     {"id": ")" +
                      f.first + R"(", "version": 7, "patch": {"name": "x"}},
                                     {"id": ")" +
                      f.first + R"(", "patch": {"name": null}},
                                     {"id": ")" +
                      f.first + R"("}],
                          "delete": [{"id": "0190b9c0-7b2a-7cc3-9d6e-000000000009"}, {"version": 1},
                                     {"id": ")" +
                      f.second + R"(", "patch": {}}]})"),
            "0 FIELDS_INVALID: "
            "delete[0].id there is no thing 0190b9c0-7b2a-7cc3-9d6e-000000000009; "
            "delete[1].id is required; "
            "delete[2].patch is no field of this entity; "
            "update[0].id must be a UUID; "
            "update[1].version the thing was changed by another writer; read it again; "
            "update[2].patch.name must not be null; "
            "update[3].patch is required; "
            "create[1].name is taken; "
            "create[2].name is required; "
            "create[3].name is too long; "
            "create[4] must be a JSON object; "
            "create[5].name is taken; "
            "create[6].nam is no field of this entity (did you mean 'name'?);");
  EXPECT_EQ(f.names(), "one,two");
}

TEST(Bulk, WithoutAMalformedItemTheFirstFailureGivesTheStatus) {
  Fixture f;
  const std::string stale =
      R"("update": [{"id": ")" + f.first + R"(", "version": 2, "patch": {"name": "x"}}])";
  const std::string taken = R"("create": [{"name": "two"}])";
  const std::string missing = R"("delete": [{"id": "0190b9c0-7b2a-7cc3-9d6e-000000000009"}])";
  EXPECT_TRUE(f.refusal("{" + stale + "," + taken + "}").starts_with("412 VERSION_MISMATCH:"));
  EXPECT_TRUE(f.refusal("{" + taken + "}").starts_with("409 THING_NAME_TAKEN:"));
  EXPECT_TRUE(f.refusal("{" + missing + "," + taken + "}").starts_with("409 THING_NOT_FOUND:"));
  EXPECT_EQ(f.names(), "one,two");
}

TEST(Bulk, BadBodies) {
  Fixture f;
  EXPECT_EQ(f.refusal("[]"), "0 BODY_INVALID:");
  EXPECT_EQ(f.refusal(""), "0 BODY_INVALID:");
  EXPECT_EQ(f.refusal(R"({"create": [{"name": "x"}])"), "0 BODY_INVALID:");
  EXPECT_EQ(f.refusal(R"({"create": {}})"), "0 FIELDS_INVALID: create must be an array;");
  EXPECT_EQ(f.refusal(R"({"creates": []})"),
            "0 FIELDS_INVALID: creates is not expected: a bulk request has delete, update and "
            "create;");
  EXPECT_EQ(f.names(), "one,two");
}

TEST(Bulk, ItemsAreCountedOverAllLists) {
  Fixture f;
  f.backend.limits.bulk_items = 3;
  const std::string remove = R"("delete": [{"id": ")" + f.first + R"("}])";
  const std::string two = R"("create": [{"name": "a"}, {"name": "b"}])";
  const std::string three = R"("create": [{"name": "a"}, {"name": "b"}, {"name": "c"}])";
  EXPECT_EQ(f.refusal("{" + remove + "," + three + "}"),
            "0 FIELDS_INVALID: create has more items than a bulk request may have in all;");
  EXPECT_EQ(f.names(), "one,two");
  EXPECT_TRUE(f.post("{" + remove + "," + two + "}").ok());
  EXPECT_EQ(f.names(), "a,b,two");
}

}  // namespace
}  // namespace kit::sqlite
