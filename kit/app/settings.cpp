// SPDX-License-Identifier: Apache-2.0
#include "kit/app/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <utility>

#include "kit/app/detail/database_settings.hpp"
#include "kit/base/text.hpp"
#include "kit/config/loader.hpp"
#include "kit/resilience/rate_limit_rules.hpp"
#include "kit/telemetry/sampler.hpp"

namespace kit::app {
namespace {

using config::Bytes;
using std::chrono::milliseconds;
constexpr Bytes kibi{1024};
constexpr Bytes gibi{std::uint64_t{1} << 30U};

/// Sizes as people write them ("64KiB"), beside the counts that the modules take.
struct Sizes {
  struct Size {
    std::size_t& target;
    Bytes bytes{target};
  };
  explicit Sizes(Settings& settings)
      : request_line{settings.http.limits.request_line_bytes},
        header{settings.http.limits.header_bytes},
        header_field{settings.http.limits.header_field_bytes},
        body{settings.http.limits.body_bytes},
        body_rate{settings.http.limits.body_bytes_per_second},
        answer_rate{settings.http.limits.answer_bytes_per_second},
        pipelined{settings.http.limits.pipelined_bytes},
        http2_stream_window{settings.http.limits.http2_stream_window},
        http2_connection_window{settings.http.limits.http2_connection_window},
        http2_buffered{settings.http.limits.http2_buffered_bytes},
        checkpoint{settings.database.sqlite.checkpoint_log_bytes},
        truncate{settings.database.sqlite.truncate_log_bytes},
        idempotency_answer{settings.api.idempotency_answer_bytes},
        import_body{settings.api.import_bytes} {}

  void commit() {
    for (Size* size : {&request_line, &header, &header_field, &body, &body_rate, &answer_rate,
                       &pipelined, &http2_stream_window, &http2_connection_window, &http2_buffered,
                       &checkpoint, &truncate, &idempotency_answer, &import_body}) {
      size->target = size->bytes.count;
    }
  }

  Size request_line, header, header_field, body, body_rate, answer_rate, pipelined;
  Size http2_stream_window, http2_connection_window, http2_buffered;
  Size checkpoint, truncate;
  Size idempotency_answer, import_body;
};

void describe_app(config::Section section, Settings::App& app) {
  section
      .field("drain_interval", app.drain_interval,
             "after SIGTERM, how long the server says it is not ready but still takes connections")
      .min(milliseconds{0})
      .max(milliseconds{60'000});
  section.field("drain_timeout", app.drain_timeout, "after that, how long requests may take to end")
      .min(milliseconds{0})
      .max(milliseconds{600'000});
  section.field("pages", app.pages, "serve the start page and the API reference");
}

void describe_tls(config::Section section, Settings::Tls& tls) {
  section.field("certificate", tls.certificate,
                "PEM file of the certificate and those up to its authority; empty: no TLS");
  section.field("key", tls.key, "PEM file of its key, readable by its owner only");
  section.field("more", tls.more,
                "further certificates and their keys, for clients that ask for a name in them: "
                "{shop.pem: shop.key}");
  section.field("client_ca", tls.client_ca, "PEM file of the authorities of clients");
  section.field("client_auth", tls.client_auth, "whether clients show a certificate",
                {{"none", net::ClientAuth::none},
                 {"request", net::ClientAuth::request},
                 {"require", net::ClientAuth::require}});
  section.field("min_version", tls.min_version, "oldest version that is spoken",
                {{"1.2", net::TlsVersion::tls_1_2}, {"1.3", net::TlsVersion::tls_1_3}});
}

void describe_listening(config::Section& section, Settings::Http& http) {
  section.field("address", http.address,
                "numeric address to listen on, 0.0.0.0 for every network, or unix:/path");
  section
      .field("unix_mode", http.unix_mode,
             "who may connect to the socket of unix:/path, as chmod has it")
      .accept("an octal mode such as 0660",
              [](const std::string& mode) { return parse_mode(mode).has_value(); });
  describe_tls(section.section("tls"), http.tls);
  section.field("tls_elsewhere", http.tls_elsewhere,
                "TLS ends in a proxy or mesh beside this process, which is all that reaches it");
  section.field("port", http.port, "TCP port to listen on; 0 picks a free one").min(0).max(65535);
  section.field("threads", http.threads, "threads that serve requests; 0: one for each core")
      .min(0)
      .max(1024);
}

void describe_http(config::Section section, Settings::Http& http, Sizes& sizes) {
  http::Limits& limits = http.limits;
  constexpr milliseconds least{10};
  constexpr milliseconds hour{3'600'000};
  describe_listening(section, http);
  section.field("refuse_cross_site", http.refuse_cross_site,
                "refuse what a page of another site makes a browser send to change something; 403");
  section
      .field("request_line", sizes.request_line.bytes, "longest request line; longer ones get 414")
      .min(Bytes{64})
      .max(gibi);
  section.field("header", sizes.header.bytes, "all header fields together; more gets 431")
      .min(kibi)
      .max(gibi);
  section.field("header_count", limits.header_count, "most header fields; more gets 431")
      .min(4)
      .max(10'000);
  section
      .field("header_field", sizes.header_field.bytes, "longest header field; longer ones get 431")
      .min(Bytes{64})
      .max(gibi);
  section.field("body", sizes.body.bytes, "largest body; larger ones get 413").max(gibi);
  section.field("query_parameters", limits.query_parameters, "most query parameters; more gets 400")
      .min(1)
      .max(100'000);
  section
      .field("pipelined", sizes.pipelined.bytes,
             "a connection with this much waiting to be sent is not read")
      .min(kibi)
      .max(gibi);
  section
      .field("requests_per_connection", limits.requests_per_connection,
             "then the connection is closed")
      .min(1);
  section.field("connections", limits.connections,
                "most connections; 0: by the descriptor limit; more gets 503");
  section
      .field("connections_per_peer", limits.connections_per_peer,
             "most connections of one address; more gets 503")
      .min(1);
  section
      .field("header_timeout", limits.header_timeout,
             "from the first byte of a request to the end of its header; 408")
      .min(least)
      .max(hour);
  section.field("body_timeout", limits.body_timeout, "for the whole body; 408")
      .min(least)
      .max(hour);
  section
      .field("body_rate", sizes.body_rate.bytes, "slowest body a second, after 5 s; 0: none; 408")
      .max(gibi);
  section
      .field("idle_timeout", limits.idle_timeout,
             "a connection without a request is closed after this")
      .min(least)
      .max(hour);
  section
      .field("write_timeout", limits.write_timeout,
             "a client that takes nothing is cut off after this")
      .min(least)
      .max(hour);
  section
      .field("answer_rate", sizes.answer_rate.bytes,
             "slowest taking of an answer a second, after twice the write timeout; 0: none")
      .max(gibi);
  section.field("handler_timeout", limits.handler_timeout, "a request that takes longer gets 504")
      .min(least)
      .max(milliseconds{60'000});
}

void describe_http2(config::Section section, http::Limits& limits, Sizes& sizes) {
  section.field("http2_streams", limits.http2_streams, "requests of a connection at once")
      .min(1)
      .max(10'000);
  section.field("http2_stream_window", sizes.http2_stream_window.bytes, "unread bytes of one body")
      .min(kibi)
      .max(gibi);
  section
      .field("http2_connection_window", sizes.http2_connection_window.bytes,
             "unread bytes of all bodies of a connection")
      .min(Bytes{64 * 1024})
      .max(gibi);
  section
      .field("http2_buffered", sizes.http2_buffered.bytes,
             "whole bodies that a connection has sent at once; more gets 503")
      .min(kibi)
      .max(gibi);
  section
      .field("http2_continuations", limits.http2_continuations,
             "CONTINUATION frames of one header; more ends the connection")
      .max(10'000);
  section
      .field("http2_empty_frames", limits.http2_empty_frames,
             "DATA frames without bytes in a row; more ends the connection")
      .max(10'000);
  section
      .field("http2_queued_frames", limits.http2_queued_frames,
             "answers to control frames that wait; more ends the connection")
      .min(10)
      .max(100'000);
  section
      .field("http2_rate_window", limits.http2_rate_window,
             "what resets, pings and control frames are counted over")
      .min(milliseconds{100})
      .max(milliseconds{3'600'000});
  section
      .field("http2_resets", limits.http2_resets,
             "requests that a client gives up; more ends the connection")
      .min(1)
      .max(1'000'000);
  section
      .field("http2_pings", limits.http2_pings,
             "PING and SETTINGS between answers; more ends the connection")
      .min(1)
      .max(1'000'000);
  section
      .field("http2_control_frames", limits.http2_control_frames,
             "frames that carry no request; more ends the connection")
      .min(10)
      .max(1'000'000);
}

void describe_checkpoints(config::Section section, Sizes& sizes) {
  section
      .field("checkpoint_log", sizes.checkpoint.bytes,
             "SQLite: the log is written back when it has grown to this")
      .min(kibi);
  section.field("truncate_log", sizes.truncate.bytes, "SQLite: and cut when it has grown to this")
      .min(kibi);
}

void describe_events(config::Section section, Settings::Events& events) {
  outbox::RelayOptions& options = events.options;
  constexpr milliseconds hour{3'600'000};
  section.field("relay", events.relay, "this instance takes part in delivering events");
  section.field("topic_prefix", options.topic_prefix,
                "topics are <prefix>.<Entity>; empty: the program's name");
  section.field("batch", options.batch, "events that are claimed at once").min(1).max(10'000);
  section.field("concurrency", options.concurrency, "entities whose subscribers run at once")
      .min(1)
      .max(1'000);
  section.field("poll", options.poll, "between two looks for events of other instances")
      .min(milliseconds{10})
      .max(hour);
  section.field("lease", options.lease, "after it others take over from an instance that died")
      .min(milliseconds{500})
      .max(hour);
  section
      .field("timeout", options.timeout, "for a subscriber's work on one event, or a publication")
      .min(milliseconds{10})
      .max(hour);
  section.field("max_attempts", options.max_attempts, "failures that make an event a dead letter")
      .min(1)
      .max(1'000);
  section.field("after_death", options.after_death,
                "whether later events of an entity wait for a dead letter, or pass it",
                {{"wait", outbox::AfterDeath::wait}, {"pass", outbox::AfterDeath::pass}});
  section.field("keep", options.keep, "how long delivered events stay in the table");
  section.field("lag_alarm", options.lag_alarm, "an event that waits longer is told in the log");
}

void describe_log(config::Section section, Settings::Log& settings) {
  using log::Level;
  section.field("level", settings.level, "least level that is written",
                {{"trace", Level::trace},
                 {"debug", Level::debug},
                 {"info", Level::info},
                 {"warn", Level::warn},
                 {"error", Level::error},
                 {"off", Level::off}});
  section.field("levels", settings.levels, "levels of single modules: {db: debug}")
      .accept("a mapping of modules to trace, debug, info, warn, error or off",
              [](const auto& levels) {
                return std::ranges::all_of(levels, [](const auto& entry) {
                  return log::parse_level(entry.second).has_value();
                });
              });
  section.field("format", settings.format, "json, console, or auto: console on a terminal",
                {{"auto", log::Format::automatic},
                 {"json", log::Format::json},
                 {"console", log::Format::console}});
  section.field("access", settings.access, "a line for each request");
}

std::string environment_of(const CommandLine& line, const std::vector<std::string>& variables) {
  if (!line.environment.empty()) return line.environment;
  constexpr std::string_view name = "KIT_ENV=";
  for (const std::string& variable : variables) {
    if (variable.starts_with(name) && variable.size() > name.size())
      return variable.substr(name.size());
  }
  return "dev";
}

/// The folder and the environment's file must be there only when they were asked for.
Result<config::Sources> find_sources(const CommandLine& line, const std::string& environment,
                                     std::vector<std::string> variables) {
  std::error_code ignored;
  config::Sources sources;
  if (std::filesystem::is_directory(line.config_folder, ignored)) {
    sources.directory = line.config_folder;
    const auto file = std::filesystem::path(line.config_folder) / (environment + ".yaml");
    if (environment != "dev" || std::filesystem::exists(file, ignored))
      sources.environment = environment;
  } else if (line.config_folder_given) {
    return Error(Code::invalid_argument,
                 "--config " + line.config_folder + ": there is no such folder");
  }
  sources.variables = std::move(variables);
  // The latter two belong to the build.
  sources.foreign_variables = {"KIT_ENV", "KIT_ROOT", "KIT_SOURCE_DIR"};
#ifdef KIT_FAILPOINTS
  sources.foreign_variables.insert(sources.foreign_variables.end(),
                                   {"KIT_FAILPOINTS", "KIT_FAILPOINTS_SEED"});
#endif
  for (const auto& [key, value] : line.settings) {
    sources.arguments.emplace_back("--").append(key).append("=").append(value);
  }
  return sources;
}

void describe_api(config::Section section, rest::Limits& limits, Sizes& sizes) {
  section
      .field("idempotency_keep", limits.idempotency_keep,
             "how long the answer to a request with an Idempotency-Key is kept for its repeats")
      .min(std::chrono::seconds{1})
      .max(std::chrono::hours{24 * 30});
  section
      .field("idempotency_answer", sizes.idempotency_answer.bytes,
             "largest answer that is kept whole; repeats get a larger one without its body")
      .max(gibi);
  section.field("bulk_items", limits.bulk_items, "most items of a bulk request; more gets 400")
      .min(1)
      .max(100'000);
  section.field("export_rows", limits.export_rows, "most rows of an export; more gets 400")
      .min(1)
      .max(100'000'000);
  section.field("import_body", sizes.import_body.bytes, "largest file to import; larger gets 413")
      .min(kibi)
      .max(gibi);
}

/// What no single field can say.
Result<> check_tls(const Settings::Tls& tls) {
  const auto wrong = [](const char* what) {
    return Error(Code::invalid_argument, std::string("http.tls.") + what);
  };
  if (tls.certificate.empty() != tls.key.empty()) {
    return wrong("certificate and http.tls.key are given together or not at all");
  }
  if (!tls.is_on() && (!tls.more.empty() || tls.client_auth != net::ClientAuth::none)) {
    return wrong("certificate is required for the other settings of http.tls");
  }
  if (tls.client_auth != net::ClientAuth::none && tls.client_ca.empty()) {
    return wrong("client_ca is required to check certificates of clients");
  }
  return {};
}

/// What no field of a mapping can say: which of its entries is wrong, and why.
Result<> check_bundle(const middleware::Options& options) {
  if (auto rules = options.rate_limit.all(); !rules) {
    return Error(Code::invalid_argument, "rate_limit.rules: " + rules.error().message());
  }
  if (auto sampling = options.tracing.sampling(); !sampling) return std::move(sampling).error();
  return {};
}

/// Remembers the file that a setting is from: its source is "config/prod.yaml:4:9".
void note_file(LoadedSettings& loaded, const config::KeyInfo& info) {
  const std::size_t end = info.source.find(".yaml:");
  if (end == std::string::npos) return;
  std::string file = info.source.substr(0, end + 5);
  const auto add = [&file](std::vector<std::string>& files) {
    if (std::ranges::find(files, file) == files.end()) files.push_back(file);
  };
  if (info.type == "secret") add(loaded.secret_files);
  add(loaded.files);
}

}  // namespace

std::string unix_path(const std::string& address) {
  constexpr std::string_view scheme = "unix:";
  return address.starts_with(scheme) ? address.substr(scheme.size()) : std::string();
}

std::optional<unsigned> parse_mode(std::string_view text) {
  unsigned mode = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != end || mode > 0777U) return std::nullopt;
  return mode;
}

Result<LoadedSettings> load_settings(const CommandLine& line, std::string_view program,
                                     std::vector<std::string> variables,
                                     middleware::Options middleware) {
  constexpr std::array<std::string_view, 3> environments{"dev", "staging", "prod"};
  const std::string environment = environment_of(line, variables);
  if (std::ranges::find(environments, environment) == environments.end()) {
    return Error(Code::invalid_argument, "the environment is dev, staging or prod, not '" +
                                             environment + "'" +
                                             did_you_mean(environment, environments));
  }
  LoadedSettings loaded;
  Settings& settings = loaded.settings;
  settings.middleware = std::move(middleware);
  const bool dev = environment == "dev";
  settings.app.environment = environment;
  settings.app.drain_interval = dev ? milliseconds{0} : milliseconds{5'000};
  settings.app.pages = environment != "prod";
  settings.migrate_on_start = dev;
  settings.database.sqlite.path = std::string(program) + ".db";
  // Handlers have deadlines of their own; the one who may hold the writer for long is an import.
  settings.database.sqlite.write_limit = milliseconds{60'000};

  Sizes sizes(settings);
  config::Loader loader("KIT");
  describe_app(loader.section("app"), settings.app);
  describe_http(loader.section("http"), settings.http, sizes);
  describe_http2(loader.section("http"), settings.http.limits, sizes);
  config::Section admin = loader.section("admin");
  admin.field("address", settings.admin.address, "numeric address of the metrics' listener");
  admin.field("port", settings.admin.port, "TCP port of /metrics; 0: none").min(0).max(65535);
  admin.field("unsafe_debug", settings.admin.unsafe_debug,
              "serve profiles there in prod too, which show what is in memory");
  detail::describe_database(loader.section("database"), settings);
  describe_checkpoints(loader.section("database"), sizes);
  describe_log(loader.section("log"), settings.log);
  config::Section jobs = loader.section("jobs");
  jobs.field("enabled", settings.jobs.enabled, "run scheduled jobs in this instance");
  config::Section import = loader.section("import");
  import.field("directory", settings.import.directory, "folder of the CSV files");
  import.field("on_start", settings.import.on_start,
               "import files that are new or changed when the server starts");

  describe_api(loader.section("api"), settings.api, sizes);
  const auto describe_bundle = [&loader](std::string_view name, auto& options) {
    config::Section section = loader.section(name);
    middleware::describe(section, options);
  };
  describe_bundle("auth", settings.middleware.auth);
  describe_bundle("rate_limit", settings.middleware.rate_limit);
  describe_bundle("shedding", settings.middleware.shedding);
  describe_bundle("breaker", settings.middleware.breaker);
  describe_bundle("tracing", settings.middleware.tracing);
  config::Section cache = loader.section("cache");
  describe(cache, settings.cache);
  config::Section queue = loader.section("queue");
  describe(queue, settings.queue);
  settings.events.options.topic_prefix.clear();
  describe_events(loader.section("events"), settings.events);

  auto sources = find_sources(line, environment, std::move(variables));
  if (!sources) return std::move(sources).error();
  KIT_TRY(loader.load(*sources));
  sizes.commit();
  KIT_TRY(check_tls(settings.http.tls));
  KIT_TRY(check_bundle(settings.middleware));
  KIT_TRY(detail::resolve_database(settings.database));
  for (const config::KeyInfo& info : loader.describe_all()) {
    loaded.values[info.key] = info.exact;
    note_file(loaded, info);
  }
  loaded.dump = "# environment: " + environment + '\n' + loader.dump();
  return loaded;
}

}  // namespace kit::app
