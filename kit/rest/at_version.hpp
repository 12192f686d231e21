// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/rest/entity_tag.hpp"

namespace kit::rest {

namespace detail {

/// What is not there, or not the caller's, is for the action to say.
template <class Service, class Id>
Task<> demand_version(Service& service, Id id, std::int64_t version) {
  auto found = co_await as_result(service.get(id));
  if (found) {
    co_await check_version(version, found->version);
  } else if (found.error().code() != Code::not_found) {
    co_await std::move(found).error();
  }
}

template <class T, class Service, class Id, class Act>
Task<T> act_at_version(Service& service, Id id, std::int64_t version, Act& act) {
  // Before anything of the action is done, whatever it does ...
  co_await demand_version(service, id, version);
  // ... and in the transaction of its changes, before them.
  db::JointWork work([&](db::Transaction&) { return demand_version(service, id, version); });
  db::JointWork::Entry entry(work);
  Task<T> acting = act();
  Result<T> done = co_await as_result(std::move(acting));
  entry.leave();
  if (done && work.is_ready()) {
    co_await work.commit();
  } else {
    work.drop();
  }
  co_return co_await std::move(done);
}

}  // namespace detail

/// Calls `act`, an action on the entity with the id, if that has the version which If-Match demands
/// (nothing: any). Everything the action commits is one transaction then, which begins with looking
/// at the version: fails with `aborted` (HTTP 412) when it is another one, with nothing changed.
/// `service` has `get`. Lifetime: everything borrowed lives until the task has ended.
template <class Service, class Id, class Act>
auto at_version(Service& service, Id id, std::optional<std::int64_t> version, Act& act)
    -> decltype(act()) {
  using T = typename decltype(act())::value_type;
  if (!version) return act();
  return detail::act_at_version<T>(service, id, *version, act);
}

}  // namespace kit::rest
