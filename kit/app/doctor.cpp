// SPDX-License-Identifier: Apache-2.0
#include "kit/app/doctor.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "kit/app/application.hpp"
#include "kit/app/settings.hpp"
#include "kit/base/text.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/log.hpp"
#include "kit/security/weak_secrets.hpp"

namespace kit::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

log::Module app_log{"app"};

/// PostgreSQL and MariaDB let in 100 and 151 when nobody says otherwise.
constexpr std::size_t usual_server_connections = 100;
/// Load balancers look every few seconds.
constexpr auto least_drain_interval = seconds{2};
constexpr auto longest_usual_handler = seconds{30};
constexpr std::size_t large_body = 64UL * 1024 * 1024;
/// Files of the program, listeners, database and the like.
constexpr std::uint64_t spare_descriptors = 512;
constexpr mode_t others = S_IRWXO;
constexpr mode_t group_and_others_write = S_IWGRP | S_IWOTH;

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || !unix_path(address).empty();
}

/// What somebody wrote while trying things out.
bool is_guessable(std::string_view password) {
  constexpr std::size_t least = 8;
  return password.size() < least || security::is_well_known_secret(password);
}

/// The password of a URL; nothing when it has none.
std::optional<std::string_view> password_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == url.npos) return std::nullopt;
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?"));
  const std::size_t at = url.rfind('@');
  if (at == url.npos) return std::nullopt;
  const std::string_view user = url.substr(0, at);
  const std::size_t colon = user.find(':');
  if (colon == user.npos || colon + 1 == user.size()) return std::nullopt;
  return user.substr(colon + 1);
}

/// The host of a URL is this machine.
bool is_local(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == url.npos) return true;
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?"));
  if (const std::size_t at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  return url.empty() || url.starts_with("127.") || url.starts_with("localhost") ||
         url.starts_with("[::1]") || url.starts_with("%2F");
}

std::optional<struct stat> look_at(const std::string& path) {
  struct stat found{};
  if (path.empty() || ::stat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

std::string octal(mode_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3) {
    digits.push_back(static_cast<char>('0' + (mode >> static_cast<unsigned>(shift) & 7U)));
  }
  return digits;
}

class Checkup {
 public:
  Checkup(const LoadedSettings& loaded, const Surroundings& surroundings)
      : loaded_(loaded), settings_(loaded.settings), surroundings_(surroundings) {}

  std::vector<Finding> all() {
    tls();
    secrets();
    access();
    debugging();
    limits();
    probes();
    pools();
    files();
    data();
    std::vector<Finding> sorted;
    for (const Severity severity : {Severity::fatal, Severity::warning}) {
      for (Finding& finding : findings_) {
        if (finding.severity == severity) sorted.push_back(std::move(finding));
      }
    }
    return sorted;
  }

  std::vector<Finding> secrets_only() {
    secrets();
    return std::move(findings_);
  }

 private:
  void add(Severity severity, std::string_view check, std::string message, std::string advice) {
    findings_.push_back({severity, check, std::move(message), std::move(advice)});
  }
  void fatal(std::string_view check, std::string message, std::string advice) {
    add(Severity::fatal, check, std::move(message), std::move(advice));
  }
  void warn(std::string_view check, std::string message, std::string advice) {
    add(Severity::warning, check, std::move(message), std::move(advice));
  }

  void tls() {
    const Settings::Http& http = settings_.http;
    if (!http.tls.is_on() && !is_loopback(http.address) && !http.tls_elsewhere) {
      fatal("tls.off",
            "requests and their tokens cross the network in clear: http.address is " +
                http.address + " and there is no http.tls.certificate",
            "set http.tls.certificate and http.tls.key, or http.tls_elsewhere: true where a proxy "
            "or mesh beside this process ends TLS");
    }
    if (http.tls.is_on() && http.tls.min_version != net::TlsVersion::tls_1_3) {
      warn("tls.version", "http.tls.min_version lets TLS 1.2 in",
           "leave it at 1.3 unless you have clients that do not speak it");
    }
    server_tls("database.url", settings_.database.url.reveal(),
               {"sslmode=verify-full", "ssl-verify"});
    server_tls("database.replica_url", settings_.database.replica_url.reveal(),
               {"sslmode=verify-full", "ssl-verify"});
  }

  void server_tls(std::string_view key, std::string_view url,
                  std::initializer_list<std::string_view> proofs) {
    if (url.empty() || url.starts_with("sqlite:") || is_local(url)) return;
    if (std::ranges::any_of(proofs, [&](auto proof) { return url.contains(proof); })) return;
    warn("tls.database", std::string(key) + " reaches another machine without sslmode=verify-full",
         "add sslmode=verify-full to it, so that nobody between can read along or answer instead");
  }

  void secrets() {
    const auto check = [&](std::string_view key, std::string_view url) {
      const auto password = password_of(url);
      if (password && is_guessable(*password)) {
        fatal("secret.weak", "the password in " + std::string(key) + " is one that anybody guesses",
              "give it a random one of 20 characters or more");
      }
    };
    check("database.url", settings_.database.url.reveal());
    check("database.replica_url", settings_.database.replica_url.reveal());
    check("cache.url", settings_.cache.url.reveal());
    check("queue.url", settings_.queue.url.reveal());
  }

  void debugging() {
    const Settings::Admin& admin = settings_.admin;
    if (admin.unsafe_debug) {
      warn("debug.open", "admin.unsafe_debug serves profiles and memory of this process",
           "switch it off when you have what you wanted to see");
    }
    if (admin.port != 0 && !is_loopback(admin.address)) {
      warn("debug.address",
           "metrics and /debug pages are served to the network: admin.address is " + admin.address,
           "let only Prometheus reach port " + std::to_string(admin.port) +
               " (a NetworkPolicy or firewall), or use 127.0.0.1");
    }
    if (settings_.app.pages) {
      warn("debug.pages", "app.pages shows the start page and the API reference to everybody",
           "leave it off, as it is in prod by default, unless the API is public");
    }
    const auto is_verbose = [](log::Level level) { return level < log::Level::info; };
    if (is_verbose(settings_.log.level)) {
      warn("log.level", "log.level is " + std::string(log::name(settings_.log.level)),
           "use info; single modules for a while with log.levels and SIGHUP");
    }
  }

  void access() {
    const middleware::Options& bundle = settings_.middleware;
    if (!bundle.auth.is_on() && !surroundings_.identifies_callers) {
      warn("auth.off", "everybody may do everything: there is no auth.secret and no auth.keys",
           "set one of them, unless the API is for everybody");
    }
    if (bundle.auth.is_on() && bundle.auth.keys.empty() && bundle.auth.audiences.empty()) {
      warn("auth.audience",
           "auth.audiences is empty: tokens that are for nobody in particular count",
           "name this service in it, so that tokens for another one are refused here");
    }
    if (const auto found = look_at(bundle.auth.keys);
        found && (found->st_mode & group_and_others_write) != 0) {
      fatal("auth.keys",
            "auth.keys may be written by others than its owner (" + octal(found->st_mode) + ")",
            "chmod go-w " + bundle.auth.keys);
    }
    if (!bundle.rate_limit.is_on()) {
      warn("limits.rate", "nothing limits how much one caller may ask",
           "set rate_limit.requests_per_second");
    }
    if (!bundle.shedding.enabled) {
      warn("limits.shedding", "shedding.enabled is false: under load every request becomes slow",
           "switch it on");
    }
    if (!bundle.breaker.enabled) {
      warn("limits.breaker", "breaker.enabled is false: a route that fails is asked on and on",
           "switch it on");
    }
  }

  void limits() {
    const http::Limits& limits = settings_.http.limits;
    const std::uint64_t most = surroundings_.descriptors;
    if (limits.connections != 0 && most != 0 && limits.connections + spare_descriptors > most) {
      warn("limits.descriptors",
           "http.connections is " + std::to_string(limits.connections) +
               ", but the process may open " + std::to_string(most) + " files",
           "raise its limit (LimitNOFILE= of the unit, ulimit -n), or leave http.connections at 0");
    }
    if (limits.handler_timeout > longest_usual_handler) {
      warn("limits.handler_timeout",
           "http.handler_timeout lets every request work for " +
               std::to_string(limits.handler_timeout.count() / 1000) + " s",
           "give the routes that need it a time limit of their own");
    }
    if (limits.handler_timeout > settings_.app.drain_timeout) {
      warn("limits.drain_timeout", "app.drain_timeout is shorter than http.handler_timeout",
           "requests that are at work when the process is stopped are cut: make it longer");
    }
    if (limits.body_bytes > large_body) {
      warn("limits.body",
           "http.body lets every route take " + std::to_string(limits.body_bytes / 1024 / 1024) +
               " MiB",
           "give the routes that need it a limit of their own");
    }
  }

  void probes() {
    if (settings_.admin.port == 0) {
      warn("probes.metrics", "there is no listener for metrics: admin.port is 0",
           "set admin.port, and let Prometheus read /metrics there");
    }
    if (settings_.app.drain_interval < least_drain_interval) {
      warn("probes.drain_interval",
           "app.drain_interval is " + std::to_string(settings_.app.drain_interval.count()) + " ms",
           "load balancers need some seconds to see that this instance is not ready any more: 5s");
    }
  }

  void pools() {
    const Settings::Database& database = settings_.database;
    if (!database.is_server()) return;
    const auto threads = static_cast<std::size_t>(
        settings_.http.threads > 0 ? static_cast<unsigned>(settings_.http.threads)
                                   : surroundings_.processors);
    const std::size_t most = threads * database.connections;
    if (most > usual_server_connections) {
      warn("pools.database",
           "this instance may open " + std::to_string(most) + " connections to the database (" +
               std::to_string(threads) + " threads, database.connections " +
               std::to_string(database.connections) + " each); servers take 100 by default",
           "lower database.connections, or raise max_connections of the server for all instances");
    }
  }

  void files() {
    for (const std::string& path : loaded_.secret_files) {
      const auto found = look_at(path);
      if (found && (found->st_mode & others) != 0) {
        fatal("files.secret",
              path + " holds a secret and everybody on this machine may read it (" +
                  octal(found->st_mode) + ")",
              "chmod 640 " + path + ", or give the secret by an environment variable");
      }
    }
    for (const std::string& path : loaded_.files) {
      const auto found = look_at(path);
      if (found && (found->st_mode & group_and_others_write) != 0) {
        fatal("files.configuration",
              path + " may be written by others than its owner (" + octal(found->st_mode) + ")",
              "chmod go-w " + path);
      }
    }
    if (const auto key = look_at(settings_.http.tls.key); key && (key->st_mode & others) != 0) {
      fatal("files.key",
            "everybody on this machine may read http.tls.key (" + octal(key->st_mode) + ")",
            "chmod 600 " + settings_.http.tls.key + ", and make a new key: this one was readable");
    }
    if (surroundings_.is_root) {
      warn("files.root", "the process runs as root",
           "run it as a user of its own (User= of the unit, runAsNonRoot of the pod)");
    }
  }

  void data() {
    const Settings::Database& database = settings_.database;
    if (!database.is_server()) {
      const auto found = look_at(database.sqlite.path);
      if (found && (found->st_mode & others) != 0) {
        fatal("files.database",
              "everybody on this machine may read the database " + database.sqlite.path + " (" +
                  octal(found->st_mode) + ")",
              "chmod 600 " + database.sqlite.path + " (and its -wal and -shm)");
      }
    }
    if (settings_.allow_destructive) {
      fatal("migrations.destructive",
            "database.allow_destructive lets migrations that lose data run by themselves",
            "run them by hand after a backup: migrate up --allow-destructive");
    }
    if (settings_.import.on_start) {
      warn("import.on_start", "import.on_start reads files into the database at each start",
           "run the command import by hand");
    }
  }

  const LoadedSettings& loaded_;
  const Settings& settings_;
  const Surroundings& surroundings_;
  std::vector<Finding> findings_;
};

bool is_fatal(const Finding& finding) {
  return finding.severity == Severity::fatal;
}

std::string_view name(Severity severity) {
  return severity == Severity::fatal ? "fatal" : "warning";
}

std::string count(std::size_t number, std::string_view of) {
  return std::to_string(number) + ' ' + std::string(of) + (number == 1 ? "" : "s");
}

std::size_t fatal_count(const std::vector<Finding>& findings) {
  return static_cast<std::size_t>(std::ranges::count_if(findings, is_fatal));
}

}  // namespace

Surroundings Surroundings::look(const Application& application) {
  Surroundings found;
  found.is_root = ::geteuid() == 0;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) found.descriptors = limit.rlim_cur;
  found.processors = std::max(1U, std::thread::hardware_concurrency());
  found.identifies_callers = static_cast<bool>(application.identify);
  return found;
}

std::vector<Finding> check_production(const LoadedSettings& loaded,
                                      const Surroundings& surroundings) {
  return Checkup(loaded, surroundings).all();
}

std::string report_text(const std::vector<Finding>& findings, std::string_view environment) {
  std::string text;
  for (const Finding& finding : findings) {
    text.append(is_fatal(finding) ? "FATAL   " : "warning ").append(finding.message);
    text.append(" [").append(finding.check).append("]\n        ");
    text.append(finding.advice).append("\n");
  }
  const std::size_t fatal = fatal_count(findings);
  text.append(findings.empty() ? "" : "\n").append("environment ").append(environment).append(": ");
  if (findings.empty()) return text.append("nothing to complain about\n");
  text.append(count(fatal, "fatal finding")).append(", ");
  text.append(count(findings.size() - fatal, "warning"));
  return text.append(fatal > 0 ? "; a server does not start like this in prod\n" : "\n");
}

std::string report_json(const std::vector<Finding>& findings, std::string_view environment) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.member("environment", environment);
  const std::size_t fatal = fatal_count(findings);
  writer.member("fatal", static_cast<std::int64_t>(fatal));
  writer.member("warnings", static_cast<std::int64_t>(findings.size() - fatal));
  writer.member("findings");
  writer.begin_array();
  for (const Finding& finding : findings) {
    writer.begin_object();
    writer.member("severity", name(finding.severity));
    writer.member("check", finding.check);
    writer.member("message", finding.message);
    writer.member("advice", finding.advice);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  return text.append("\n");
}

Result<> refuse_unfit(const LoadedSettings& loaded, const Surroundings& surroundings) {
  const std::string& environment = loaded.settings.app.environment;
  if (environment == "dev") return {};
  Checkup checkup(loaded, surroundings);
  const std::vector<Finding> findings =
      environment == "prod" ? checkup.all() : checkup.secrets_only();
  std::string text;
  for (const Finding& finding : findings) {
    if (is_fatal(finding)) {
      text.append("\n  ").append(finding.message).append("\n    ").append(finding.advice);
      continue;
    }
    log::warn(app_log, "not fit for production",
              {{"check", finding.check}, {"what", finding.message}, {"advice", finding.advice}});
  }
  if (text.empty()) return {};
  return Error(Code::failed_precondition, "not started: this is not fit for " + environment + text)
      .with_reason("UNFIT_FOR_PRODUCTION");
}

void hide_memory() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0) {
    log::warn(app_log, "core files could not be switched off");
  }
}

}  // namespace kit::app
