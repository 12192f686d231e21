// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/app/embedded_file.hpp"
#include "kit/async/task.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/function.hpp"
#include "kit/db/database.hpp"
#include "kit/db/import.hpp"
#include "kit/db/migrations.hpp"
#include "kit/http/router.hpp"
#include "kit/jobs/job.hpp"
#include "kit/outbox/event.hpp"
#include "kit/rest/backend.hpp"

namespace kit::cache {
class Shared;  // kit/cache/shared.hpp
}
namespace kit::queue {
class Publisher;  // kit/queue/queue.hpp
}
namespace kit::record {
class RowCaches;  // kit/record/row_caches.hpp
}
namespace kit::http {
class RequestGuard;  // kit/http/guard.hpp
}
namespace kit {
class MiddlewareBundle;  // kit/middleware/bundle.hpp
}

namespace kit::app {

using web::EmbeddedFile;

/// An entity as the start page shows it.
struct EntityInfo {
  std::string_view name;   ///< "MediaType"
  std::string_view title;  ///< "Media types"
  std::string_view doc;    ///< From the schema; may be empty.
  std::string_view path;   ///< "/api/v1/media_types"
};

/// What a generated service hands to `run`: built once per process on an open database, shared by
/// all threads.
class Service {
 public:
  virtual ~Service() = default;
  virtual Result<> add_routes(http::Router& router) = 0;
  virtual std::span<const EntityInfo> entities() const = 0;
  /// Rows of an entity that are not soft-deleted. `index` counts `entities()`.
  virtual Task<std::int64_t> count(std::size_t index) = 0;
  /// Whether the schema says who may do what, which takes somebody to say who a request comes from.
  virtual bool has_access_rules() const { return false; }
  /// In the order in which they can be imported (parents first).
  virtual std::span<const std::unique_ptr<db::ImportTarget>> imports() const = 0;
  /// What its routes share; null when they share nothing.
  virtual rest::Backend* backend() { return nullptr; }
  /// Whether its units of work tell of events, which a relay takes to where they belong.
  virtual bool has_events() const { return false; }
  /// Those inside the service that get events. Lifetime: this outlives them.
  virtual std::vector<outbox::Subscriber> subscribers() { return {}; }
  /// Of its rows, whose database imports write to; null when it keeps none.
  virtual record::RowCaches* row_caches() { return nullptr; }
  /// What it does by itself.
  virtual std::span<const jobs::Job> jobs() const { return {}; }
};

struct Application {
  std::string_view name;     ///< "store"
  std::string_view version;  ///< Of the API: "v1".
  std::string_view title;    ///< "Store"
  /// Migrations compiled into the binary, in order.
  std::span<const db::Migration> migrations;
  /// Served at the root under their names without ".gen": the generated OpenAPI document, embedded
  /// by kit_embed, at /openapi.yaml.
  std::span<const EmbeddedFile> files;
  Function<std::unique_ptr<Service>(db::Database&)> make_service;
  /// One sentence for the start page; may be empty.
  std::string_view doc = {};
  /// What the program itself says of who may come in, how much and so on; the configuration may say
  /// otherwise. Outlives `run`; null: the defaults of its options.
  MiddlewareBundle* bundle = nullptr;
  /// A further say, for what has passed the bundle: before a request's body is read and its handler
  /// called. Outlives `run`; null: everybody.
  const http::RequestGuard* guard = nullptr;
  /// Finds out who a request to the service comes from, for the schema's access rules: its subject
  /// and roles. Without it that is what the bundle's tokens say. Fails with `unauthenticated` (401)
  /// for somebody who only claims to be somebody; a caller without a subject and roles is nobody in
  /// particular. Thread safety: called on every server's thread. Without it and without tokens a
  /// schema with access rules is served in the environment dev only, and there everybody may do
  /// everything.
  Function<Result<Caller>(const http::Request&) const> identify = nullptr;
  /// Decides besides the schema's rules. Outlives `run`; null: only they decide.
  const AccessPolicy* access_policy = nullptr;
  /// Takes events to those outside. Outlives `run`; null: what the setting queue.url names, and
  /// nobody when that is "memory:".
  queue::Publisher* publisher = nullptr;
  /// What instances tell each other of changed rows through. Outlives `run`; null: what the setting
  /// cache.url names. Without either a cached row that another instance changed is as old as its
  /// time to live at most.
  cache::Shared* shared_cache = nullptr;
};

/// The whole of `main`: commands (serve is the default; migrate, import, export, config, help,
/// version), configuration, logging, database, probes, start page, API reference, signals. Returns
/// the process's exit code.
int run(int argc, char** argv, Application application);

}  // namespace kit::app
