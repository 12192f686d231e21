// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/connect.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/base/time.hpp"

namespace kit::postgres::detail {
namespace {

constexpr int oldest_server = 150'000;

/// What a DSN may say. Whatever else libpq knows is kit's to decide, or would read files and
/// services of the machine.
constexpr auto allowed = std::to_array<std::string_view>(
    {"host", "hostaddr", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "sslcert",
     "sslkey", "sslcrl", "channel_binding", "application_name", "connect_timeout",
     "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"});

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string set_up_text(const PostgresOptions& options, Role role) {
  // pgbouncer keeps the time zone of its clients apart, other settings would reach other clients:
  // there each transaction sets them for itself.
  std::string text = "SET TimeZone = 'UTC'";
  if (!options.prepared && role != Role::listener) return text;
  text += "; SET statement_timeout = " + std::to_string(options.statement_limit.count());
  text += "; SET idle_in_transaction_session_timeout = " +
          std::to_string(options.idle_transaction_limit.count());
  if (role == Role::replica) text += "; SET default_transaction_read_only = on";
  return text;
}

std::vector<std::string> parts_of(std::string_view list) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = std::min(list.find(','), list.size());
    parts.emplace_back(list.substr(0, end));
    if (end == list.size()) return parts;
    list.remove_prefix(end + 1);
  }
}

/// A socket's folder, or a name or address of this machine.
bool is_here(std::string_view host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host == "::1" || host.starts_with("127.");
}

}  // namespace

bool ConnectSettings::has(std::string_view keyword) const {
  return std::ranges::find(options_, keyword, &Option::keyword) != options_.end();
}

void ConnectSettings::add_unless_set(std::string_view keyword, std::string_view value) {
  if (!has(keyword)) options_.push_back({std::string(keyword), std::string(value)});
}

Result<std::shared_ptr<const ConnectSettings>> ConnectSettings::read(const PostgresOptions& options,
                                                                     Role role) {
  std::string dsn = options.dsn;
  if (role == Role::replica && !options.replica_dsn.empty()) dsn = options.replica_dsn;
  if (role == Role::listener && !options.listen_dsn.empty()) dsn = options.listen_dsn;
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(
      PQconninfoParse(dsn.c_str(), &problem));
  if (parsed == nullptr) {
    // libpq's message may repeat the DSN, with its password.
    PQfreemem(problem);
    return invalid("database.url",
                   "is no PostgreSQL DSN: postgresql://user:password@host:port/name");
  }
  auto settings = std::make_shared<ConnectSettings>();
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) KIT_TRY(settings->take(option->keyword, option->val));
  }
  KIT_TRY(settings->read_hosts());
  KIT_TRY(settings->read_tls());
  settings->complete(options, role);
  return std::shared_ptr<const ConnectSettings>(std::move(settings));
}

Result<> ConnectSettings::take(const std::string& keyword, const std::string& value) {
  if (std::ranges::find(allowed, keyword) == allowed.end()) {
    return invalid("database.url", "may not set " + keyword);
  }
  if (keyword == "host") {
    hosts_ = value;
  } else if (keyword == "hostaddr") {
    addresses_ = value;
  } else if (keyword == "port") {
    ports_ = value;
  } else {
    if (keyword == "sslmode") tls_mode_ = value;
    if (keyword == "dbname") shown_ = "/" + value;
    options_.push_back({keyword, value});
  }
  return {};
}

Result<> ConnectSettings::read_hosts() {
  const auto hosts = parts_of(hosts_);
  const auto addresses = parts_of(addresses_);
  const auto ports = parts_of(ports_);
  const std::size_t count = addresses_.empty() ? hosts.size() : addresses.size();
  if ((!hosts_.empty() && hosts.size() != count) || (ports.size() != 1 && ports.size() != count)) {
    return invalid("database.url", "has not as many hosts as addresses or ports");
  }
  for (std::size_t i = 0; i < count; ++i) {
    Endpoint endpoint;
    if (!hosts_.empty()) endpoint.host = hosts[i];
    if (!addresses_.empty()) endpoint.address = addresses[i];
    endpoint.port = ports[ports.size() == 1 ? 0 : i];
    endpoints_.push_back(std::move(endpoint));
  }
  shown_ = (hosts_.empty() ? addresses_ : hosts_) + (ports_.empty() ? "" : ":" + ports_) + shown_;
  return {};
}

/// Across a network the server has to prove who it is, unless the DSN says that it need not.
Result<> ConnectSettings::read_tls() {
  const bool all_here = std::ranges::all_of(endpoints_, [](const Endpoint& endpoint) {
    return is_here(endpoint.address.empty() ? endpoint.host : endpoint.address);
  });
  if (tls_mode_.empty()) {
    tls_mode_ = all_here ? "disable" : "verify-full";
    options_.push_back({"sslmode", tls_mode_});
  }
  constexpr auto modes =
      std::to_array<std::string_view>({"disable", "require", "verify-ca", "verify-full"});
  if (std::ranges::find(modes, tls_mode_) == modes.end()) {
    return invalid("database.url",
                   "has a wrong sslmode: it is disable, require, verify-ca or verify-full");
  }
  if (tls_mode_.starts_with("verify") && !has("sslrootcert")) {
    return invalid("database.url",
                   "has to say who signed the certificate of a server that is elsewhere: "
                   "?sslrootcert=FILE; or ?sslmode=require (encrypted, to whoever answers) or "
                   "?sslmode=disable");
  }
  return {};
}

/// What the DSN leaves open, and what it may not say.
void ConnectSettings::complete(const PostgresOptions& options, Role role) {
  limit_ = options.connect_timeout;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(limit_).count();
  add_unless_set("connect_timeout", std::to_string(std::max<std::int64_t>(2, seconds)));
  add_unless_set("fallback_application_name", "kit");
  // A server that is gone is noticed within ten seconds when something was sent to it, and within a
  // minute else.
  add_unless_set("tcp_user_timeout", "10000");
  add_unless_set("keepalives_idle", "30");
  add_unless_set("keepalives_interval", "10");
  add_unless_set("keepalives_count", "3");
  add_unless_set("gssencmode", "disable");
  add_unless_set("client_encoding", "UTF8");
  // Notifications come from the primary only.
  add_unless_set("target_session_attrs", role == Role::replica ? "prefer-standby" : "read-write");
  set_up_ = set_up_text(options, role);
}

std::string ConnectSettings::joined(std::string Endpoint::* part, std::size_t first) const {
  std::string list;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (i > 0) list += ',';
    list += endpoints_[(first + i) % endpoints_.size()].*part;
  }
  return list;
}

void ConnectSettings::note_host(const PGconn& connection) const {
  const std::string_view host = PQhost(&connection);
  const std::string_view port = PQport(&connection);
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const Endpoint& endpoint = endpoints_[i];
    if ((host == endpoint.host || host == endpoint.address) &&
        (port == endpoint.port || endpoint.port.empty())) {
      first_.store(i, std::memory_order_relaxed);
      return;
    }
  }
}

Result<ConnectionPtr> ConnectSettings::connect() const {
  const std::size_t first = first_.load(std::memory_order_relaxed);
  std::vector<Option> hosts;
  if (!hosts_.empty()) hosts.push_back({"host", joined(&Endpoint::host, first)});
  if (!addresses_.empty()) hosts.push_back({"hostaddr", joined(&Endpoint::address, first)});
  if (!ports_.empty()) hosts.push_back({"port", joined(&Endpoint::port, first)});
  std::vector<const char*> names, texts;
  for (const std::vector<Option>* options : {&std::as_const(hosts), &options_}) {
    for (const Option& option : *options) {
      names.push_back(option.keyword.c_str());
      texts.push_back(option.value.c_str());
    }
  }
  names.push_back(nullptr);
  texts.push_back(nullptr);
  ConnectionPtr connection(PQconnectdbParams(names.data(), texts.data(), 0));
  auto failed = [this](std::string_view why) {
    return Error(Code::unavailable, "can't connect to " + shown_ + ": " + std::string(trim(why)))
        .with_reason("DATABASE_UNAVAILABLE");
  };
  if (connection == nullptr) return failed("out of memory");
  if (PQstatus(connection.get()) != CONNECTION_OK) return failed(PQerrorMessage(connection.get()));
  if (PQserverVersion(connection.get()) < oldest_server) {
    return failed("PostgreSQL 15 or later is needed");
  }
  // Notices are the server's talk to people.
  PQsetNoticeReceiver(connection.get(), [](void*, const PGresult*) {}, nullptr);
  if (PQsetnonblocking(connection.get(), 1) != 0) return failed(PQerrorMessage(connection.get()));
  if (auto done = run(*connection, set_up_); !done) return failed(done.error().message());
  note_host(*connection);
  return connection;
}

/// libpq's own call would wait without a limit.
Result<> ConnectSettings::run(PGconn& connection, const std::string& sql) const {
  const auto end = Clock::now() + limit_;
  auto failed = [](std::string_view why) {
    return Error(Code::unavailable, std::string(trim(why)));
  };
  if (PQsendQuery(&connection, sql.c_str()) == 0) return failed(PQerrorMessage(&connection));
  std::optional<Error> problem;
  while (true) {
    const int unsent = PQflush(&connection);
    if (unsent < 0) return failed(PQerrorMessage(&connection));
    while (PQisBusy(&connection) == 0) {
      const ResultPtr result(PQgetResult(&connection));
      if (result == nullptr) return problem ? Result<>(std::move(*problem)) : Result<>();
      const ExecStatusType status = PQresultStatus(result.get());
      const bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
      if (!is_good && !problem) problem = failed(PQresultErrorMessage(result.get()));
      if (PQstatus(&connection) == CONNECTION_BAD) return failed(PQerrorMessage(&connection));
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd socket{.fd = PQsocket(&connection), .events = POLLIN, .revents = 0};
    if (unsent > 0) socket.events |= POLLOUT;
    if (left <= 0 || ::poll(&socket, 1, static_cast<int>(left)) == 0) {
      return failed("the server does not answer");
    }
    if (PQconsumeInput(&connection) == 0) return failed(PQerrorMessage(&connection));
  }
}

}  // namespace kit::postgres::detail
