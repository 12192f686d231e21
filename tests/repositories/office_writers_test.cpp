// SPDX-License-Identifier: Apache-2.0
// Units of work side by side: what a unit finds stays as it is until it ends, whatever the database
// allows others (kit/db/README.md has the table).
#include "office_test.hpp"

namespace office {
namespace {

Task<> lengthen(biz::RepositoryStore& store, biz::TagId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Tag tag = co_await work->tags().find(id);
  tag.name += "x";
  co_await work->tags().save(tag);
  co_await work->commit();
}

Task<> lengthen_often(biz::RepositoryStore& store, biz::TagId id, int times) {
  kit::TaskGroup group("writers");
  for (int i = 0; i < times; ++i) group.spawn(lengthen(store, id));
  co_await group.join();
}

TEST_F(OfficeTest, NoUpdateIsLostWithoutVersions) {
  const biz::Tag tag = add_tag("");
  must(lengthen_often(store(), tag.id, 30));
  EXPECT_EQ(get(store().tags().find(tag.id)).name, std::string(30, 'x'));
}

Task<> raise(biz::RepositoryStore& store, biz::ClientId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Client client = co_await work->clients().find(id);
  client.credit = kit::Decimal(client.credit.unscaled() + 1, 2);
  co_await work->clients().save(client);
  co_await work->commit();
}

Task<> raise_often(biz::RepositoryStore& store, biz::ClientId id, int times) {
  kit::TaskGroup group("writers");
  for (int i = 0; i < times; ++i) group.spawn(raise(store, id));
  co_await group.join();
}

TEST_F(OfficeTest, WritersOfOneRowWaitInsteadOfFailing) {
  const biz::Client client = add_client(make_client("a"));
  must(raise_often(store(), client.id, 30));
  const biz::Client after = get(store().clients().find(client.id));
  EXPECT_EQ(after.credit, kit::Decimal(30, 2));
  EXPECT_EQ(after.version, 31);
  EXPECT_EQ(read("SELECT count(*) FROM kit_history WHERE operation = 'update'"), "30");
}

Task<> add_same(biz::RepositoryStore& store, int& added, int& taken) {
  biz::Client client = make_client("same");
  const auto done = co_await kit::as_result(add(store, &biz::Repositories::clients, client));
  if (done) {
    ++added;
  } else if (done.error().reason() == "CLIENT_EMAIL_TAKEN") {
    ++taken;
  } else {
    ADD_FAILURE() << done.error().describe();
  }
}

Task<> add_same_often(biz::RepositoryStore& store, int& added, int& taken) {
  kit::TaskGroup group("writers");
  for (int i = 0; i < 8; ++i) group.spawn(add_same(store, added, taken));
  co_await group.join();
}

TEST_F(OfficeTest, OfThoseWhoWantAUniqueValueOneGetsIt) {
  int added = 0;
  int taken = 0;
  must(add_same_often(store(), added, taken));
  EXPECT_EQ(added, 1);
  EXPECT_EQ(taken, 7);
  EXPECT_EQ(read("SELECT count(*) FROM clients"), "1");
}

Task<> link(biz::RepositoryStore& store, biz::ClientId id, biz::TagId tag) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  co_await work->clients().link_tags(id, tag);
  co_await work->commit();
}

Task<> link_often(biz::RepositoryStore& store, biz::ClientId id, biz::TagId tag) {
  kit::TaskGroup group("writers");
  for (int i = 0; i < 8; ++i) group.spawn(link(store, id, tag));
  co_await group.join();
}

TEST_F(OfficeTest, ALinkThatManyMakeIsOne) {
  const biz::Client client = add_client(make_client("a"));
  const biz::Tag tag = add_tag("t");
  must(link_often(store(), client.id, tag.id));
  EXPECT_EQ(read("SELECT count(*) FROM client_tags"), "1");
  EXPECT_EQ(read("SELECT count(*) FROM kit_history WHERE operation = 'link'"), "1");
}

Task<> remove_slowly(biz::RepositoryStore& store, biz::FolderId id, bool& removed) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Folder folder = co_await work->folders().find(id);
  co_await work->folders().remove(folder);
  removed = true;
  co_await kit::sleep_for(std::chrono::milliseconds(100));
  co_await work->commit();
}

Task<> add_into(biz::RepositoryStore& store, biz::FolderId id, bool& removed, std::string& reason) {
  while (!removed) co_await kit::sleep_for(std::chrono::milliseconds(1));
  biz::Client client = make_client("late");
  client.folder_id = id;
  reason = reason_of(co_await kit::as_result(add(store, &biz::Repositories::clients, client)));
}

Task<> remove_and_add(biz::RepositoryStore& store, biz::FolderId id, std::string& reason) {
  bool removed = false;
  kit::TaskGroup group("writers");
  group.spawn(remove_slowly(store, id, removed));
  group.spawn(add_into(store, id, removed, reason));
  co_await group.join();
}

TEST_F(OfficeTest, NothingRefersToARowThatIsBeingRemoved) {
  const biz::Folder folder = add_folder("f");
  std::string reason;
  must(remove_and_add(store(), folder.id, reason));
  EXPECT_EQ(reason, "CLIENT_FOLDER_NOT_FOUND");
  EXPECT_EQ(read("SELECT count(*) FROM clients"), "0");
}

Task<> list_twice(biz::RepositoryStore& store, std::size_t& first, std::size_t& second) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  const kit::db::ListQuery all;
  const auto before = co_await work->clients().list(biz::client_table, all);
  first = before.items.size();
  kit::TaskGroup other("other");
  biz::Client client = make_client("b");
  // On SQLite it waits until this unit has ended.
  auto adding = [](biz::RepositoryStore& into, biz::Client row) -> Task<> {
    co_await add(into, &biz::Repositories::clients, std::move(row));
  };
  other.spawn(adding(store, std::move(client)));
  for (int i = 0; i < 200 && other.size() > 0; ++i) {
    co_await kit::sleep_for(std::chrono::milliseconds(1));
  }
  const auto after = co_await work->clients().list(biz::client_table, all);
  second = after.items.size();
  co_await work->commit();
  co_await other.join();
}

TEST_F(OfficeTest, AListReadTwiceMaySeeNewRows) {
  add_client(make_client("a"));
  std::size_t first = 0;
  std::size_t second = 0;
  must(list_twice(store(), first, second));
  EXPECT_EQ(first, 1U);
  EXPECT_EQ(second, database().dialect() == kit::db::Dialect::sqlite ? 1U : 2U);
  EXPECT_EQ(read("SELECT count(*) FROM clients"), "2");
}

Task<> change_and_add(biz::RepositoryStore& store, biz::PersonId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Person person = co_await work->people().find(id);
  person.name = "new";
  co_await work->people().save(person);
  // While the row is locked for a change, PostgreSQL lets others refer to it; MariaDB makes them
  // wait. Both go on in the end.
  co_await kit::sleep_for(std::chrono::milliseconds(20));
  co_await work->commit();
}

Task<> add_client_of(biz::RepositoryStore& store, biz::PersonId id) {
  biz::Client client = make_client("of");
  client.rep_id = id;
  co_await add(store, &biz::Repositories::clients, client);
}

Task<> both(biz::RepositoryStore& store, biz::PersonId id) {
  kit::TaskGroup group("writers");
  group.spawn(change_and_add(store, id));
  group.spawn(add_client_of(store, id));
  co_await group.join();
}

TEST_F(OfficeTest, ARowThatIsChangedCanBeReferredTo) {
  const biz::Person person = add_person("p");
  must(both(store(), person.id));
  EXPECT_EQ(read("SELECT count(*) FROM clients WHERE rep_id = 1"), "1");
}

}  // namespace
}  // namespace office
