// SPDX-License-Identifier: Apache-2.0
#include "kit/record/history.hpp"

#include <gtest/gtest.h>

#include "kit/async/context.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/context.hpp"
#include "kit/record/parameters.hpp"

namespace kit::record {
namespace {

constexpr HistoryColumn columns[] = {
    {"id", HistoryType::none},          {"name", HistoryType::text},
    {"price", HistoryType::decimal, 2}, {"active", HistoryType::boolean},
    {"born", HistoryType::date},        {"seen", HistoryType::timestamp},
    {"extra", HistoryType::json},       {"photo", HistoryType::bytes},
    {"pin", HistoryType::secret},       {"version", HistoryType::none},
};
constexpr Audited things = {.name = "Thing", .columns = columns};

struct Thing {
  std::string name = "\"Ada\"";
  Decimal price = Decimal(125, 2);
  bool active = true;
  Date born = *Date::parse("1815-12-10");
  Timestamp seen = *Timestamp::parse("2021-01-31T13:45:00.000001Z");
  std::optional<std::string> extra = R"({"a":[1]})";
  std::string photo = "\x01\x02";
  std::string pin = "1234";
};

void bind(ParameterWriter& out, const Thing& thing, int version) {
  out.add(std::int64_t{7});
  out.add(thing.name);
  out.add_decimal(thing.price, 2);
  out.add(thing.active);
  out.add(thing.born);
  out.add(thing.seen);
  out.add(thing.extra);
  out.add_bytes(std::string_view(thing.photo));
  out.add(thing.pin);
  out.add(version);
}

std::string changes(const Thing& before, const Thing& after) {
  Parameters<10> was;
  bind(was, before, 1);
  Parameters<10> is;
  bind(is, after, 2);
  return changes_between(things, was.span(), is.span());
}

TEST(ChangesBetween, NameWhatDiffersAsAnswersWriteIt) {
  const Thing before;
  EXPECT_EQ(changes(before, before), "{}");
  Thing after;
  after.name = "Bea";
  after.price = Decimal(2, 0);
  after.active = false;
  after.born = *Date::parse("2000-02-29");
  after.seen = *Timestamp::parse("1969-12-31T23:59:59.999999Z");
  after.extra.reset();
  after.photo.clear();
  after.pin = "5678";
  EXPECT_EQ(changes(before, after),
            R"({"name":["\"Ada\"","Bea"],"price":["1.25","2.00"],"active":[true,false],)"
            R"("born":["1815-12-10","2000-02-29"],)"
            R"("seen":["2021-01-31T13:45:00.000001Z","1969-12-31T23:59:59.999999Z"],)"
            R"("extra":[{"a":[1]},null],"photo":["AQI=",""],"pin":"changed"})");
}

TEST(ChangesBetween, OfANewRowTheValuesThatAreThere) {
  Thing thing;
  thing.extra.reset();
  Parameters<10> is;
  bind(is, thing, 1);
  EXPECT_EQ(changes_between(things, {}, is.span()),
            R"({"name":[null,"\"Ada\""],"price":[null,"1.25"],"active":[null,true],)"
            R"("born":[null,"1815-12-10"],"seen":[null,"2021-01-31T13:45:00.000001Z"],)"
            R"("photo":[null,"AQI="],"pin":"changed"})");
}

TEST(OtherChanges, DeletionsAndLinks) {
  const Timestamp at = *Timestamp::parse("2021-01-31T13:45:00Z");
  EXPECT_EQ(deletion_change({}, at), R"({"deleted_at":[null,"2021-01-31T13:45:00.000000Z"]})");
  EXPECT_EQ(deletion_change(at, {}), R"({"deleted_at":["2021-01-31T13:45:00.000000Z",null]})");
  EXPECT_EQ(link_change("tracks", Id<struct A>(5), true), R"({"tracks":[null,5]})");
  const Uuid uuid = *Uuid::parse("018f0000-0000-7000-8000-000000000001");
  EXPECT_EQ(link_change("tags", Id<struct B, Uuid>(uuid), false),
            R"({"tags":["018f0000-0000-7000-8000-000000000001",null]})");
}

/// Remembers what it was asked.
class FakeSession final : public db::Session {
 public:
  Task<> query(std::string_view, std::span<const db::Parameter>, db::RowSink) override {
    co_return;
  }
  db::Dialect dialect() const override { return db::Dialect::sqlite; }
  Task<Changed> execute(std::string_view, std::span<const db::Parameter> parameters) override {
    asked.assign(parameters.begin(), parameters.end());
    co_return Changed{};
  }
  std::vector<db::Parameter> asked;
};

TEST(AddHistory, SaysForWhomAndForWhichRequest) {
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop);
  FakeSession session;
  const Change change{.operation = Operation::remove, .row = "7", .version = 3, .at = {}};
  ASSERT_TRUE(run(**loop, add_history(session, things, change)));
  ASSERT_EQ(session.asked.size(), 8u);
  EXPECT_EQ(std::get<std::string_view>(session.asked[0]), "Thing");
  EXPECT_EQ(std::get<std::string_view>(session.asked[4]), "delete");
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(session.asked[6]));
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(session.asked[7]));

  const Caller caller{.subject = "ada", .roles = {}};
  LogContext log;
  log.request_id = "r-1";
  Context context;
  context.set_caller(&caller);
  context.set_log_context(&log);
  auto under = [&]() -> Task<> {
    Context::Scope scope(context);
    co_await add_history(session, things, change);
  };
  ASSERT_TRUE(run(**loop, under()));
  EXPECT_EQ(std::get<std::string_view>(session.asked[6]), "ada");
  EXPECT_EQ(std::get<std::string_view>(session.asked[7]), "r-1");
}

}  // namespace
}  // namespace kit::record
