// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/queues.hpp"
#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/http/limits.hpp"
#include "kit/log/log.hpp"
#include "kit/log/sink.hpp"
#include "kit/middleware/options.hpp"
#include "kit/net/tls.hpp"
#include "kit/outbox/relay.hpp"
#include "kit/rest/limits.hpp"

namespace kit::app {

/// Every setting of a program, typed. The defaults are here; `load_settings` declares their names.
struct Settings {
  struct App {
    std::string environment = "dev";                  ///< dev, staging or prod
    std::chrono::milliseconds drain_interval{5'000};  ///< After SIGTERM: unready, still accepting
    std::chrono::milliseconds drain_timeout{30'000};
    bool pages = true;  ///< The start page and /docs
  } app;
  struct Tls {
    std::string certificate;  ///< Empty: not encrypted
    std::string key;
    std::map<std::string, std::string> more;  ///< Further certificates and their keys
    std::string client_ca;
    net::ClientAuth client_auth = net::ClientAuth::none;
    net::TlsVersion min_version = net::TlsVersion::tls_1_3;

    bool is_on() const { return !certificate.empty(); }
  };
  struct Http {
    std::string address = "127.0.0.1";
    int port = 8080;
    int threads = 0;                ///< 0: one for each core
    bool tls_elsewhere = false;     ///< A proxy or mesh beside the process ends TLS
    bool refuse_cross_site = true;  ///< 403 for what pages of other sites send to change something
    std::string unix_mode = "0660";
    Tls tls;
    http::Limits limits;
  } http;
  struct Admin {
    std::string address = "127.0.0.1";
    int port = 0;               ///< 0: off
    bool unsafe_debug = false;  ///< In prod: serve profiles there too
  } admin;
  struct Database {
    /// sqlite:PATH, postgresql://... or mysql://...; empty: the file of `sqlite.path`.
    Secret<std::string> url;
    Secret<std::string> replica_url;  ///< Where reads go that may be a little behind.
    std::string url_file;             ///< Instead of `url`: a file that holds it.
    sqlite::SqliteOptions sqlite;     ///< Its limits of statements are those of servers too.
    std::chrono::milliseconds slow_statement{500};  ///< 0: none is logged.
    /// Of servers; those of connections count for each thread.
    std::size_t connections = 8;
    std::size_t shared_connections = 2;
    std::size_t pipeline_depth = 64;
    bool prepared = true;
    std::size_t queue = 1'024;
    std::chrono::milliseconds queue_limit{5'000};
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds idle_limit{60'000};
    std::chrono::milliseconds connection_lifetime{1'800'000};
    std::chrono::seconds lock_wait{5};

    bool is_server() const;
    /// For people: the file, or the server without user, password and parameters.
    std::string shown() const;
  } database;
  bool migrate_on_start = true;
  bool allow_destructive = false;  ///< Migrations that lose data may run, on start too.
  std::chrono::milliseconds migration_lock_timeout = std::chrono::minutes(10);
  std::chrono::milliseconds migration_table_wait = std::chrono::seconds(3);
  struct Log {
    log::Level level = log::Level::info;
    log::Format format = log::Format::automatic;
    std::map<std::string, std::string> levels;  ///< {db: debug}: of single modules
    bool access = true;                         ///< A line for each request
  } log;
  rest::Limits api;
  struct Events {
    bool relay = true;             ///< This instance takes part in delivering events.
    outbox::RelayOptions options;  ///< An empty topic_prefix is the program's name.
  } events;
  struct Jobs {
    bool enabled = true;  ///< Whether this instance runs what is scheduled
  } jobs;
  struct Import {
    std::string directory = "data";
    bool on_start = false;
  } import;
  CacheSettings cache;
  QueueSettings queue;
  /// The sections auth, rate_limit, shedding, breaker and tracing.
  middleware::Options middleware;
};

struct LoadedSettings {
  Settings settings;
  std::string dump;  ///< Every setting with its value and where it comes from, for people.
  /// By key, as text, to tell which have changed; secrets too.
  std::map<std::string, Secret<std::string>, std::less<>> values;
  std::vector<std::string> files;         ///< Of the configuration.
  std::vector<std::string> secret_files;  ///< Those of them that hold a secret.
};

/// Reads all layers: defaults < base.yaml < <environment>.yaml < environment variables < command
/// line. `middleware` are the defaults of its sections. The environment is that of --env, else of
/// KIT_ENV, else "dev". `variables` is the process's environment ("NAME=value"). Fails with
/// `invalid_argument`: the message has a line for each bad setting.
Result<LoadedSettings> load_settings(const CommandLine& line, std::string_view program,
                                     std::vector<std::string> variables,
                                     middleware::Options middleware = {});

/// The path of an address "unix:/run/store.sock"; empty for any other.
std::string unix_path(const std::string& address);
/// "0660" as the number it is; nothing for what is no mode of a file.
std::optional<unsigned> parse_mode(std::string_view text);

}  // namespace kit::app
