// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "internal/biz/client_list.gen.hpp"
#include "internal/biz/client_repository.gen.hpp"
#include "internal/biz/folder_repository.gen.hpp"
#include "internal/biz/paper_repository.gen.hpp"
#include "internal/biz/person_repository.gen.hpp"
#include "internal/biz/repositories.gen.hpp"
#include "internal/biz/stamp_repository.gen.hpp"
#include "internal/biz/tag_repository.gen.hpp"
#include "internal/data/unit_of_work.gen.hpp"
#include "project_test.hpp"

namespace office {

using kit::Result;
using kit::Task;
using kit::tests::reason_of;

/// Adds a row in a unit of work of its own, by the repository that `of` names.
template <class T, class Repository>
Task<T> add(biz::RepositoryStore& store, Repository& (biz::Repositories::*of)(), T row) {
  const std::unique_ptr<biz::UnitOfWork> work = co_await store.begin();
  co_await ((*work).*of)().add(row);
  co_await work->commit();
  co_return row;
}

inline biz::Client make_client(const std::string& name) {
  biz::Client client;
  client.name = name;
  client.email = name + "@example.com";
  return client;
}

/// The repositories of the office.
class OfficeTest : public kit::tests::ProjectTest {
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

  biz::Client add_client(biz::Client client) {
    return get(add(store(), &biz::Repositories::clients, std::move(client)));
  }
  biz::Person add_person(const std::string& login, std::optional<biz::PersonId> boss = {}) {
    biz::Person person;
    person.login = login;
    person.name = "Name of " + login;
    person.boss_id = boss;
    return get(add(store(), &biz::Repositories::people, std::move(person)));
  }
  biz::Folder add_folder(const std::string& title) {
    biz::Folder folder;
    folder.title = title;
    return get(add(store(), &biz::Repositories::folders, std::move(folder)));
  }
  biz::Tag add_tag(const std::string& name) {
    biz::Tag tag;
    tag.name = name;
    return get(add(store(), &biz::Repositories::tags, std::move(tag)));
  }

 private:
  std::unique_ptr<data::SqlStore> store_;
};

}  // namespace office
