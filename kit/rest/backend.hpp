// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "kit/db/joint_work.hpp"
#include "kit/rest/limits.hpp"

namespace kit::db {
class ImportTarget;  // kit/db/import.hpp
}

namespace kit::rest {

struct Expandable;  // kit/rest/expand.hpp

/// What the routes of a service share besides its use cases. Lifetime: longer than the routes;
/// `limits` is set before they serve. Thread safety: any thread that runs a loop.
class Backend {
 public:
  /// Lifetime: `database` outlives this.
  explicit Backend(db::Database& database) : database_(database) {}

  /// What repositories work on, so that routes can store something with their changes.
  db::JoiningDatabase& database() { return database_; }
  Limits limits = {};
  /// What can be imported and exported. Lifetime: this object's.
  std::span<const std::unique_ptr<db::ImportTarget>> transfers = {};

  /// Whose `find_related` loads rows of an entity: before anything is served. Lifetime: longer than
  /// this.
  void add_service(const Expandable& entity, void* service) {
    services_.emplace_back(&entity, service);
  }
  /// The one that was added.
  void* service_of(const Expandable& entity) const;

 private:
  db::JoiningDatabase database_;
  std::vector<std::pair<const Expandable*, void*>> services_;
};

}  // namespace kit::rest
