// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/server.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/postgres/detail/errors.hpp"
#include "kit/adapters/postgres/detail/loop_pool.hpp"
#include "kit/base/text.hpp"

namespace kit::postgres::detail {
namespace {

constexpr int oldest_server = 150'000;
constexpr std::size_t blocking_threads = 4;

/// What kit decides itself, or what would read files that the DSN names.
constexpr auto refused = std::to_array<std::string_view>(
    {"options", "client_encoding", "target_session_attrs", "service", "passfile", "replication"});

struct Option {
  std::string_view keyword;
  std::string_view value;
};
/// Unless the DSN says otherwise: a server that is gone is noticed within a minute.
constexpr auto defaults = std::to_array<Option>({
    {"fallback_application_name", "kit"},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"},
});

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string set_up_text(const PostgresOptions& options, Role role) {
  // pgbouncer keeps the time zone of its clients apart, other settings would reach other clients.
  std::string text = "SET TimeZone = 'UTC'";
  if (!options.prepared) return text;
  text += "; SET statement_timeout = " + std::to_string(options.statement_limit.count());
  text += "; SET idle_in_transaction_session_timeout = " +
          std::to_string(options.idle_transaction_limit.count());
  if (role == Role::replica) text += "; SET default_transaction_read_only = on";
  return text;
}

void add(ConnectSettings& settings, std::string_view keyword, std::string_view value) {
  settings.keywords.emplace_back(keyword);
  settings.values.emplace_back(value);
}

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// The pools a thread used last: it has few loops and databases.
struct Remembered {
  std::uint64_t server = 0;
  const Loop* loop = nullptr;
  std::weak_ptr<LoopPool> pool;
};
thread_local std::array<Remembered, 4> remembered;
thread_local std::size_t next_remembered = 0;

}  // namespace

Result<ConnectSettings> read_settings(const PostgresOptions& options, Role role) {
  const std::string& dsn =
      role == Role::replica && !options.replica_dsn.empty() ? options.replica_dsn : options.dsn;
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(
      PQconninfoParse(dsn.c_str(), &problem));
  if (parsed == nullptr) {
    // libpq's message may repeat the DSN, with its password.
    PQfreemem(problem);
    return invalid("database", "is no PostgreSQL DSN: postgresql://user:password@host:port/name");
  }
  ConnectSettings settings;
  std::string host, port, name;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (std::ranges::find(refused, keyword) != refused.end()) {
      return invalid("database", "the DSN may not set " + std::string(keyword));
    }
    if (keyword == "host" || keyword == "hostaddr") host = option->val;
    if (keyword == "port") port = option->val;
    if (keyword == "dbname") name = option->val;
    add(settings, keyword, option->val);
  }
  auto is_set = [&settings](std::string_view keyword) {
    return std::ranges::find(settings.keywords, keyword) != settings.keywords.end();
  };
  for (const Option& option : defaults) {
    if (!is_set(option.keyword)) add(settings, option.keyword, option.value);
  }
  if (!is_set("connect_timeout")) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count();
    add(settings, "connect_timeout", std::to_string(std::max<std::int64_t>(2, seconds)));
  }
  add(settings, "client_encoding", "UTF8");
  add(settings, "target_session_attrs", role == Role::primary ? "read-write" : "prefer-standby");
  settings.set_up = set_up_text(options, role);
  settings.hosts = host + (port.empty() ? "" : ":" + port) + "/" + name;
  return settings;
}

Result<ConnectionPtr> ConnectSettings::connect() const {
  std::vector<const char*> names, texts;
  for (std::size_t i = 0; i < keywords.size(); ++i) {
    names.push_back(keywords[i].c_str());
    texts.push_back(values[i].c_str());
  }
  names.push_back(nullptr);
  texts.push_back(nullptr);
  ConnectionPtr connection(PQconnectdbParams(names.data(), texts.data(), 0));
  auto failed = [&](std::string_view why) {
    return Error(Code::unavailable, "can't connect to " + hosts + ": " + std::string(trim(why)))
        .with_reason("DATABASE_UNAVAILABLE");
  };
  if (connection == nullptr) return failed("out of memory");
  if (PQstatus(connection.get()) != CONNECTION_OK) return failed(PQerrorMessage(connection.get()));
  if (PQserverVersion(connection.get()) < oldest_server) {
    return failed("PostgreSQL 15 or later is needed");
  }
  PGresult* done = PQexec(connection.get(), set_up.c_str());
  const bool is_set_up = PQresultStatus(done) == PGRES_COMMAND_OK;
  PQclear(done);
  if (!is_set_up || PQsetnonblocking(connection.get(), 1) != 0 ||
      PQenterPipelineMode(connection.get()) == 0) {
    return failed(PQerrorMessage(connection.get()));
  }
  // Notices are the server's talk to people.
  PQsetNoticeReceiver(connection.get(), [](void*, const PGresult*) {}, nullptr);
  return connection;
}

Server::Server(PostgresOptions wanted, Role of, std::shared_ptr<const ConnectSettings> how)
    : options(std::move(wanted)),
      role(of),
      settings(std::move(how)),
      blocking({.name = "postgres", .threads = blocking_threads}),
      live("postgres_connections", settings->hosts),
      id_(next_id()) {}

std::shared_ptr<LoopPool> Server::here() {
  Loop& loop = Loop::current();
  for (const Remembered& one : remembered) {
    if (one.server != id_ || one.loop != &loop) continue;
    if (auto pool = one.pool.lock(); pool != nullptr && !pool->ended()) return pool;
  }
  std::shared_ptr<LoopPool> pool;
  {
    const std::lock_guard lock(mutex_);
    auto& place = pools_[&loop];
    if (place == nullptr) place = LoopPool::make(shared_from_this(), loop);
    pool = place;
  }
  remembered[next_remembered++ % remembered.size()] = {id_, &loop, pool};
  return pool;
}

void Server::remove(const Loop& loop) {
  std::shared_ptr<LoopPool> pool;  // dropped without the lock
  const std::lock_guard lock(mutex_);
  if (auto found = pools_.find(&loop); found != pools_.end()) {
    pool = std::move(found->second);
    pools_.erase(found);
  }
}

void Server::close() {
  std::map<const Loop*, std::shared_ptr<LoopPool>> pools;
  {
    const std::lock_guard lock(mutex_);
    pools.swap(pools_);
  }
  for (const auto& entry : pools) {
    const std::shared_ptr<LoopPool>& pool = entry.second;
    if (entry.first == Loop::current_or_null()) {
      pool->close();
    } else {
      pool->remote().post([pool] { pool->close(); });
    }
  }
}

void Server::note_connect(const Result<>& outcome) {
  connects.fetch_add(1, std::memory_order_relaxed);
  if (!outcome) failed_connects.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  failure_.reset();
  if (!outcome) failure_ = outcome.error().clone();
}

Result<> Server::health() const {
  const std::lock_guard lock(mutex_);
  if (failure_) return failure_->clone();
  return {};
}

}  // namespace kit::postgres::detail
