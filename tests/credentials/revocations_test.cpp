// SPDX-License-Identifier: Apache-2.0
// Revoking on every instance: on SQLite by itself, on servers with run.py around it.
#include "kit/credentials/revocations.hpp"

#include "credentials_test.hpp"
#include "kit/testing/memory_shared.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using credentials::Revocations;
using credentials::Revoked;
using credentials::SubjectChange;
using security::Identity;
using security::IdentityKind;
using security::RevocationList;

Identity identity(std::string subject, std::int64_t version = 0, std::string token_id = {}) {
  Identity made;
  made.subject = std::move(subject);
  made.token_id = std::move(token_id);
  made.token_version = version;
  made.seal();
  return made;
}

/// What one process has.
struct Instance {
  Instance(db::Database& database, cache::Shared* shared, credentials::RevocationsOptions options)
      : revocations(database, shared, list, options) {}
  RevocationList list;
  Revocations revocations;
  bool refuses(const Identity& who) const { return list.refuses(who, Timestamp::now()); }
};

Task<> until_refused(const Instance& instance, const Identity& who) {
  while (!instance.refuses(who)) {  // polls, bounded by the deadline around it
    Sleep pause(1ms);
    co_await pause;
  }
}
/// A second is promised, which `office.credentials` prints; a machine that does something else as
/// well may take longer.
constexpr Clock::duration longest = 20s;

Task<> soon(const Instance& instance, const Identity& who) {
  Task<> waiting = until_refused(instance, who);
  Task<> limited = with_deadline(longest, std::move(waiting));
  co_await std::move(limited);
}

/// What was there at its start is read, and it listens.
Task<> until_it_follows(const Instance& instance) {
  while (instance.revocations.status().reads == 0) {  // polls, bounded as above
    Sleep pause(1ms);
    co_await pause;
  }
}

class RevocationsTest : public CredentialsTest {
 protected:
  /// Two instances, that are told through `shared` when there is one.
  template <class F>
  void with_two(cache::Shared* shared, credentials::RevocationsOptions options, F body) {
    steps([&]() -> Task<> {
      Instance a(*database_, shared, options);
      Instance b(*database_, shared, options);
      TaskGroup following("following");
      following.spawn(a.revocations.follow());
      following.spawn(b.revocations.follow());
      for (const Instance* one : {&a, &b}) {
        Task<> beginning = until_it_follows(*one);
        Task<> limited = with_deadline(longest, std::move(beginning));
        co_await std::move(limited);
      }
      Sleep begin(50ms);
      co_await begin;
      Task<> testing = body(a, b);
      Result<> tested = co_await as_result(std::move(testing));
      following.cancel();
      Task<> joining = following.join();
      (void)co_await as_result(std::move(joining));
      co_await std::move(tested);
    });
  }
};

TEST_F(RevocationsTest, ADisabledSubjectIsRefusedOnTheOtherInstance) {
  with_two(nullptr, {}, [](Instance& a, Instance& b) -> Task<> {
    for (const IdentityKind kind :
         {IdentityKind::token, IdentityKind::api_key, IdentityKind::certificate}) {
      Identity ann = identity("ann" + std::string(name(kind)), 7);
      ann.kind = kind;
      EXPECT_FALSE(a.refuses(ann) || b.refuses(ann));
      Task<> disabling = a.revocations.disable(ann.subject);
      co_await std::move(disabling);
      EXPECT_TRUE(a.refuses(ann));
      co_await soon(b, ann);
    }
    EXPECT_FALSE(b.refuses(identity("bob")));
  });
}

TEST_F(RevocationsTest, ToldThroughTheSharedCacheNobodyWaitsForThePoll) {
  testing::MemoryShared shared;
  with_two(&shared, {.poll = 1h}, [&](Instance& a, Instance& b) -> Task<> {
    Task<> disabling = a.revocations.disable("ann");
    co_await std::move(disabling);
    co_await soon(b, identity("ann"));
    EXPECT_GE(shared.announced(), 1U);
    // Lost announcements are read as soon as it turns out that some were lost.
    shared.cut_listeners(true);
    Task<> again = a.revocations.disable("bob");
    co_await std::move(again);
    Sleep pause(50ms);
    co_await pause;
    EXPECT_FALSE(b.refuses(identity("bob")));
    shared.cut_listeners(false);
    co_await soon(b, identity("bob"));
  });
}

TEST_F(RevocationsTest, WithoutTheSharedCacheThePollIsEnough) {
  testing::MemoryShared shared;
  shared.break_down(true);
  with_two(&shared, {}, [](Instance& a, Instance& b) -> Task<> {
    Task<> revoking =
        a.revocations.revoke_token("t1", Timestamp{Timestamp::now().since_epoch + 5min});
    co_await std::move(revoking);
    EXPECT_TRUE(a.refuses(identity("ann", 0, "t1")));
    co_await soon(b, identity("ann", 0, "t1"));
    EXPECT_FALSE(b.refuses(identity("ann", 0, "t2")));
  });
}

TEST_F(RevocationsTest, EnabledSubjectsHaveNewTokensOnly) {
  steps([&]() -> Task<> {
    Instance a(*database_, nullptr, {});
    Task<> disabling = a.revocations.disable("ann");
    co_await std::move(disabling);
    Task<> enabling = a.revocations.enable("ann");
    co_await std::move(enabling);
    EXPECT_TRUE(a.refuses(identity("ann", 0)));
    EXPECT_FALSE(a.refuses(identity("ann", 1)));
    Task<> ending = a.revocations.end_sessions("ann");
    co_await std::move(ending);
    EXPECT_TRUE(a.refuses(identity("ann", 1)));
    const credentials::Standing standing = co_await credentials::standing_of(*database_, "ann");
    EXPECT_FALSE(standing.disabled);
    EXPECT_EQ(standing.token_version, 2);
    // Another one begins with what is in the database.
    Instance b(*database_, nullptr, {});
    Task<> reading = b.revocations.read();
    co_await std::move(reading);
    EXPECT_TRUE(b.refuses(identity("ann", 1)));
    EXPECT_FALSE(b.refuses(identity("ann", 2)));
    EXPECT_EQ(b.revocations.status().revision, 3);
  });
}

TEST_F(RevocationsTest, ChangesAtTheSameTimeAreNumberedOneAfterTheOther) {
  with_two(nullptr, {.poll = 5ms}, [&](Instance&, Instance& b) -> Task<> {
    constexpr int writers = 8;
    constexpr int each = 25;
    const auto write = [&](int writer) -> Task<> {
      for (int i = 0; i < each; ++i) {
        std::string subject = std::to_string(writer) + "-" + std::to_string(i % 5);
        const SubjectChange what =
            i % 2 == 0 ? SubjectChange::end_sessions : SubjectChange::disable;
        Task<Revoked> changing =
            change_subject(*database_, std::move(subject), what, Timestamp::now());
        co_await std::move(changing);
      }
    };
    TaskGroup writing("writing");
    for (int i = 0; i < writers; ++i) writing.spawn(write(i));
    Task<> joining = writing.join();
    co_await std::move(joining);
    Task<std::vector<Revoked>> reading = credentials::revoked_since(*database_, 0);
    const std::vector<Revoked> rows = co_await std::move(reading);
    EXPECT_EQ(rows.size(), std::size_t{writers} * 5);
    std::int64_t last = 0;
    for (const Revoked& row : rows) {
      EXPECT_GT(row.revision, last);
      last = row.revision;
      EXPECT_EQ(row.token_version, each / 5);
    }
    EXPECT_EQ(last, writers * each);
    for (const Revoked& row : rows) co_await soon(b, identity(row.name, 0));
    for (const Revoked& row : rows)
      EXPECT_EQ(b.refuses(identity(row.name, each / 5)), row.disabled) << row.name;
  });
}

TEST_F(RevocationsTest, ExpiredTokensAreRemovedAndNothingElse) {
  steps([&]() -> Task<> {
    Instance a(*database_, nullptr, {});
    const Timestamp now = Timestamp::now();
    for (int i = 0; i < 10; ++i) {
      const Timestamp until{now.since_epoch + std::chrono::minutes(i)};
      Task<> revoking = a.revocations.revoke_token("t" + std::to_string(i), until);
      co_await std::move(revoking);
    }
    Task<> disabling = a.revocations.disable("ann");
    co_await std::move(disabling);
    const Timestamp later{now.since_epoch + 5min};
    EXPECT_EQ(co_await credentials::remove_expired_revocations(*database_, later, 4), 4);
    EXPECT_EQ(co_await credentials::remove_expired_revocations(*database_, later, 4), 2);
    EXPECT_EQ(co_await credentials::remove_expired_revocations(*database_, later, 4), 0);
    EXPECT_EQ(co_await count("SELECT count(*) FROM kit_revocations"), 6);
  });
}

}  // namespace
}  // namespace kit::tests
