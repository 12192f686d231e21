// SPDX-License-Identifier: Apache-2.0
// Rows, their history, what goes with them, and what leads to them.
#include "office_test.hpp"

namespace office {
namespace {

using ::testing::ElementsAre;

TEST_F(OfficeTest, AllOfARowComesBack) {
  biz::Client client = make_client("\xC3\x84rger \xF0\x9F\x8E\xB8 'quoted' \"too\" \\ ?1 $1");
  client.email = "a@b.example";
  client.credit = kit::Decimal(9'999'999'999, 2);
  std::string large;
  for (int i = 0; i < 262'144; ++i) large += "\xF0\x9F\x8E\xB8";
  client.notes = large;
  client.pin = "";
  const biz::Client added = add_client(client);
  EXPECT_GT(added.id.value(), 0);
  biz::Client found = get(store().clients().find(added.id));
  EXPECT_EQ(found, added);
  EXPECT_EQ(found.notes->size(), 1024U * 1024U);
  EXPECT_EQ(found.pin, "");
}

Task<biz::Client> change(biz::RepositoryStore& store, biz::ClientId id, std::string name,
                         std::optional<std::string> notes) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Client client = co_await work->clients().find(id);
  client.name = std::move(name);
  client.notes = std::move(notes);
  co_await work->clients().save(client);
  co_await work->commit();
  co_return client;
}

Task<> save_as_read(biz::RepositoryStore& store, biz::Client client) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  co_await work->clients().save(client);
  co_await work->commit();
}

TEST_F(OfficeTest, AVersionIsOfOneWriter) {
  const biz::Client first = add_client(make_client("a"));
  const biz::Client second = get(change(store(), first.id, "b", "n"));
  EXPECT_EQ(second.version, 2);
  EXPECT_EQ(get(store().clients().find(first.id)), second);
  EXPECT_EQ(reason_of(run(save_as_read(store(), first))), "VERSION_MISMATCH");
  EXPECT_EQ(get(store().clients().find(first.id)), second);
}

TEST_F(OfficeTest, IdsThatAreGivenKeepTheNumberingAhead) {
  biz::Client given = make_client("given");
  given.id = biz::ClientId(5'000);
  EXPECT_EQ(add_client(given).id.value(), 5'000);
  EXPECT_EQ(add_client(make_client("next")).id.value(), 5'001);
  given = make_client("before");
  given.id = biz::ClientId(17);
  EXPECT_EQ(add_client(given).id.value(), 17);
  EXPECT_EQ(add_client(make_client("behind")).id.value(), 5'002);
  given = make_client("again");
  given.id = biz::ClientId(17);
  EXPECT_EQ(run(add(store(), &biz::Repositories::clients, given)).error().code(),
            kit::Code::already_exists);
  EXPECT_EQ(read("SELECT count(*) FROM clients"), "4");
}

enum class Step { remove, restore, purge };

Task<> move(biz::RepositoryStore& store, biz::ClientId id, Step step) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::ClientRepository& clients = work->clients();
  if (step == Step::remove) {
    biz::Client client = co_await clients.find(id);
    co_await clients.remove(client);
  } else {
    biz::Client client = co_await clients.find_deleted(id);
    if (step == Step::restore) {
      co_await clients.restore(client);
    } else {
      co_await clients.purge(client);
    }
  }
  co_await work->commit();
}

Task<> add_papers(biz::RepositoryStore& store, biz::ClientId client, biz::FolderId folder) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Paper paper;
  paper.text = "p";
  paper.client_id = client;
  paper.folder_id = folder;
  co_await work->papers().add(paper);
  biz::Stamp stamp;
  stamp.mark = "m";
  stamp.paper_id = paper.id;
  co_await work->stamps().add(stamp);
  co_await work->commit();
}

TEST_F(OfficeTest, ARemovedRowComesBackOrGoesWithItsOwn) {
  const biz::Folder folder = add_folder("f");
  const biz::Client client = add_client(make_client("a"));
  must(add_papers(store(), client.id, folder.id));
  must(move(store(), client.id, Step::remove));
  EXPECT_EQ(run(store().clients().find(client.id)).error().code(), kit::Code::not_found);
  // Its address is free; so it can't come back while another has it.
  const biz::Client other = add_client(make_client("a"));
  EXPECT_EQ(reason_of(run(move(store(), client.id, Step::restore))), "CLIENT_EMAIL_TAKEN");
  must(move(store(), other.id, Step::remove));
  must(move(store(), client.id, Step::restore));
  EXPECT_EQ(get(store().clients().find(client.id)).version, 3);
  must(move(store(), client.id, Step::remove));
  must(move(store(), client.id, Step::purge));
  EXPECT_EQ(read("SELECT count(*) FROM papers"), "0");
  EXPECT_EQ(read("SELECT paper_id FROM stamps"), "null");
  EXPECT_EQ(read("SELECT operation FROM kit_history WHERE entity = 'Client' AND row_id = '" +
                 std::to_string(client.id.value()) + "' ORDER BY id"),
            "purge");
  EXPECT_EQ(read("SELECT operation FROM kit_history WHERE entity = 'Paper' ORDER BY id"),
            "create,delete");
  EXPECT_EQ(read("SELECT changes FROM kit_history WHERE entity = 'Stamp' AND version = 2"),
            R"({"paper_id":[1,null]})");
}

Task<> remove_person(biz::RepositoryStore& store, biz::PersonId id) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  const biz::Person person = co_await work->people().find(id);
  co_await work->people().remove(person);
  co_await work->commit();
}

TEST_F(OfficeTest, WhatReferredToARowIsToldToTheHistory) {
  const biz::Person boss = add_person("boss");
  const biz::Person worker = add_person("worker", boss.id);
  biz::Client client = make_client("a");
  client.rep_id = boss.id;
  client = add_client(client);
  must(remove_person(store(), boss.id));
  EXPECT_EQ(get(store().people().find(worker.id)).version, 2);
  EXPECT_EQ(get(store().people().find(worker.id)).boss_id, std::nullopt);
  EXPECT_EQ(get(store().clients().find(client.id)).rep_id, std::nullopt);
  EXPECT_EQ(
      read("SELECT changes FROM kit_history WHERE entity = 'Client' AND operation = 'update'"),
      R"({"rep_id":[1,null]})");
  EXPECT_EQ(
      read("SELECT changes FROM kit_history WHERE entity = 'Person' AND operation = 'update'"),
      R"({"boss_id":[1,null]})");
}

Task<> set_link(biz::RepositoryStore& store, biz::ClientId id, biz::TagId tag, bool linked) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  if (linked) {
    co_await work->clients().link_tags(id, tag);
  } else {
    co_await work->clients().unlink_tags(id, tag);
  }
  co_await work->commit();
}

TEST_F(OfficeTest, ALinkIsMadeOnceAndTakenOnce) {
  const biz::Client client = add_client(make_client("a"));
  const biz::Tag tag = add_tag("t");
  must(set_link(store(), client.id, tag.id, true));
  must(set_link(store(), client.id, tag.id, true));
  EXPECT_EQ(read("SELECT count(*) FROM client_tags"), "1");
  EXPECT_EQ(read("SELECT count(*) FROM kit_history WHERE operation = 'link'"), "1");
  must(set_link(store(), client.id, tag.id, false));
  EXPECT_EQ(run(set_link(store(), client.id, tag.id, false)).error().code(), kit::Code::not_found);
  EXPECT_EQ(read("SELECT count(*) FROM client_tags"), "0");
  EXPECT_EQ(run(set_link(store(), client.id, biz::TagId(99), true)).error().reason(),
            "FOREIGN_KEY_VIOLATION");
}

Task<> fill(biz::RepositoryStore& store, int people, int clients_of_each) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  biz::Tag tag;
  tag.name = "t";
  co_await work->tags().add(tag);
  for (int i = 1; i <= people; ++i) {
    biz::Person person;
    person.login = "l" + std::to_string(i);
    person.name = "n";
    co_await work->people().add(person);
    for (int j = 0; j < clients_of_each; ++j) {
      biz::Client client = make_client(person.login + "-" + std::to_string(j));
      client.rep_id = person.id;
      co_await work->clients().add(client);
      if (j % 2 == 0) co_await work->clients().link_tags(client.id, tag.id);
    }
  }
  co_await work->commit();
}

std::string keys_to(std::int64_t last) {
  // From the last to the first, so that their order is not that of the ids.
  std::string keys = "[";
  for (std::int64_t id = last; id > 0; --id) {
    keys += std::to_string(id);
    keys += id > 1 ? "," : "]";
  }
  return keys;
}

TEST_F(OfficeTest, WhatKeysLeadToComesInTheirOrder) {
  must(fill(store(), 200, 3));
  for (const std::int64_t keys : {1, 20, 200}) {
    kit::record::RelatedQuery query;
    query.keys = keys_to(keys);
    const auto people = get(store().people().find_related(query));
    ASSERT_EQ(people.items.size(), static_cast<std::size_t>(keys));
    EXPECT_EQ(people.items.front().id.value(), keys);
    EXPECT_EQ(people.keys.front(), 0U);
    EXPECT_EQ(people.keys.back(), static_cast<std::size_t>(keys - 1));
    query.way = 1;  // clients of people
    query.per_key = 2;
    query.max_rows = 1'000;
    const auto clients = get(store().clients().find_related(query));
    ASSERT_EQ(clients.items.size(), static_cast<std::size_t>(keys) * 2);
    EXPECT_EQ(clients.items[0].name, "l" + std::to_string(keys) + "-0");
    EXPECT_EQ(clients.items[1].name, "l" + std::to_string(keys) + "-1");
    EXPECT_EQ(clients.keys.back(), static_cast<std::size_t>(keys - 1));
    query.max_rows = 1;
    EXPECT_EQ(get(store().clients().find_related(query)).items.size(), 1U);
    query.way = 0;  // tags of clients
    query.max_rows = 1'000;
    const auto tags = get(store().tags().find_related(query));
    const auto tagged =
        read("SELECT count(*) FROM client_tags WHERE client_id <= " + std::to_string(keys));
    EXPECT_EQ(std::to_string(tags.items.size()), tagged);
  }
  kit::record::RelatedQuery none;
  none.keys = "[]";
  EXPECT_TRUE(get(store().people().find_related(none)).items.empty());
}

template <class T>
Task<T> as(const kit::Caller& caller, Task<T> task) {
  kit::Context context;
  context.set_caller(&caller);
  const kit::Context::Entry entry(&context);
  co_return co_await std::move(task);
}

TEST_F(OfficeTest, WhoHasRowsSeesThem) {
  must(fill(store(), 3, 2));
  const kit::Caller clerk{.subject = "l2", .roles = {"clerk"}};
  const kit::Caller nobody{.subject = "", .roles = {"clerk"}};
  kit::record::RelatedQuery query;
  query.keys = "[1,2,3]";
  query.way = 1;
  query.per_key = 10;
  query.max_rows = 100;
  kit::Context context;
  context.set_caller(&clerk);
  {
    const kit::Context::Entry entry(&context);
    EXPECT_EQ(get(store().clients().count()), 2);
    const auto own = get(store().clients().find_related(query));
    EXPECT_THAT(own.keys, ElementsAre(1, 1));
    const biz::Client one = own.items.front();
    EXPECT_EQ(get(store().clients().find(one.id)).name, "l2-0");
    EXPECT_EQ(run(store().clients().find(biz::ClientId(1))).error().code(), kit::Code::not_found);
    EXPECT_EQ(get(change(store(), one.id, "mine", std::nullopt)).version, 2);
    EXPECT_EQ(run(change(store(), biz::ClientId(1), "mine", std::nullopt)).error().code(),
              kit::Code::not_found);
  }
  context.set_caller(&nobody);
  const kit::Context::Entry entry(&context);
  EXPECT_EQ(get(store().clients().count()), 0);
  EXPECT_TRUE(get(store().clients().find_related(query)).items.empty());
}

}  // namespace
}  // namespace office
