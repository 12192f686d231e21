// SPDX-License-Identifier: Apache-2.0
#include "kit/app/pages.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "kit/base/sha256.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/encodings.hpp"
#include "kit/json/writer.hpp"
#include "kit_embed/pages.hpp"
#include "kit_embed/swagger.hpp"

namespace kit::app {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Scripts, styles and data from here only; nobody may frame a page.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'";
// swagger-ui sets style attributes and builds its page from strings, so these two differ on /docs.
constexpr std::string_view docs_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors "
    "'none'";
constexpr std::string_view file_policy = "default-src 'none'; frame-ancestors 'none'";

http::RouteOptions for_everybody() {
  http::RouteOptions options;
  options.is_public = true;
  return options;
}

Headers secure_headers(std::string_view policy, std::string_view caching) {
  return {{"Cache-Control", std::string(caching)},
          {"Content-Security-Policy", std::string(policy)},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"}};
}

/// A file that is the same for the life of the program.
struct StaticFile {
  std::string_view content_type;
  std::string_view etag;
  std::string_view plain, gzip;
  std::string_view policy, caching;
};

http::Response answer(const StaticFile& file, const http::Request& request) {
  static constexpr std::array offered{http::Coding::gzip};
  http::Response response;
  response.headers = secure_headers(file.policy, file.caching);
  const bool packed =
      !file.gzip.empty() && http::choose_coding(request, offered) == http::Coding::gzip;
  // The packed form is another representation, so it has another tag.
  std::string etag(file.etag);
  if (packed) etag.insert(etag.size() - 1, "-gz");
  if (!file.gzip.empty()) response.headers.emplace_back("Vary", "Accept-Encoding");
  if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  response.content_type = file.content_type;
  response.static_body = packed ? file.gzip : file.plain;
  http::Validators validators;
  validators.etag = etag;
  http::apply_conditions(request, validators, response);
  return response;
}

std::string_view view(std::span<const unsigned char> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace

std::string html_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

struct Pages::State {
  State(const Application& about, Service& entities, const Status& current, std::string_view name)
      : application(about), service(entities), status(current), environment(name) {}

  const Application& application;
  Service& service;
  const Status& status;
  std::string environment;
  std::string assets;             ///< "/assets/<version>"
  std::deque<std::string> texts;  ///< What static files made at the start point into.

  // The counts are asked for again after this long, however many pages are open.
  static constexpr std::chrono::milliseconds counts_live{1'000};
  std::mutex mutex;  // guards the two below
  std::vector<std::optional<std::int64_t>> counts;
  Clock::time_point counted_at{};

  Result<> add(http::Router& router, const std::string& path, StaticFile file) {
    return router.add(
        http::Method::get, path,
        [file](http::Request& request) { return http::answered(answer(file, request)); },
        for_everybody());
  }

  /// An HTML page with the names of this service in place of {{title}} and so on.
  StaticFile page(std::string_view bytes, std::string_view policy) {
    std::string text(bytes);
    text = replace_all(std::move(text), "{{title}}", html_escape(application.title));
    text = replace_all(std::move(text), "{{version}}", html_escape(application.version));
    text = replace_all(std::move(text), "{{doc}}", html_escape(application.doc));
    text = replace_all(std::move(text), "{{assets}}", assets);
    const std::string& kept = texts.emplace_back(std::move(text));
    const std::string& etag = texts.emplace_back('"' + sha256_hex(kept).substr(0, 32) + '"');
    return {"text/html; charset=utf-8", etag, kept, {}, policy, "no-cache"};
  }

  Task<std::vector<std::optional<std::int64_t>>> count_all() {
    {
      const std::lock_guard lock(mutex);
      if (!counts.empty() && Clock::now() - counted_at < counts_live) co_return counts;
    }
    std::vector<std::optional<std::int64_t>> fresh;
    if (application.identify && service.has_access_rules()) {
      // The page is for everybody, and how many rows there are is not.
      fresh.resize(service.entities().size());
      co_return fresh;
    }
    for (std::size_t index = 0; index < service.entities().size(); ++index) {
      Task<std::int64_t> counting = service.count(index);
      Result<std::int64_t> count = co_await as_result(std::move(counting));
      fresh.push_back(count ? std::optional(*count) : std::nullopt);
    }
    const std::lock_guard lock(mutex);
    counts = fresh;
    counted_at = Clock::now();
    co_return fresh;
  }

  Task<http::Response> start_json() {
    const std::vector<std::optional<std::int64_t>> rows = co_await count_all();
    http::Response response;
    response.content_type = "application/json";
    response.headers = secure_headers(file_policy, "no-store");
    write_start(response.body, rows);
    co_return response;
  }

  void write_start(std::string& body, const std::vector<std::optional<std::int64_t>>& rows) const {
    json::Writer writer(body);
    writer.begin_object();
    writer.member("service", application.name);
    writer.member("title", application.title);
    writer.member("version", application.version);
    writer.member("environment", environment);
    writer.member("state", status.name());
    writer.member("detail", status.detail());
    writer.member("uptime_seconds",
                  std::chrono::duration_cast<std::chrono::seconds>(status.uptime()).count());
    writer.member("import");
    if (const auto progress = status.importing()) {
      writer.begin_object();
      writer.member("file", progress->file);
      writer.member("number", progress->number);
      writer.member("files", progress->files);
      writer.member("rows", progress->rows);
      writer.member("percent", progress->percent);
      writer.end_object();
    } else {
      writer.null();
    }
    writer.member("entities");
    writer.begin_array();
    const auto entities = service.entities();
    std::size_t largest = 0;
    for (std::size_t index = 0; index < entities.size(); ++index) {
      writer.begin_object();
      writer.member("name", entities[index].name);
      writer.member("title", entities[index].title);
      writer.member("doc", entities[index].doc);
      writer.member("path", entities[index].path);
      writer.member("rows", rows[index]);
      writer.end_object();
      if (rows[index].value_or(0) > rows[largest].value_or(0)) largest = index;
    }
    writer.end_array();
    // The entity whose first rows the page shows unasked.
    writer.member("featured", entities.empty() ? std::string_view() : entities[largest].name);
    writer.end_object();
  }
};

Pages::Pages(const Application& application, Service& service, const Status& status,
             std::string_view environment)
    : state_(new State(application, service, status, environment)) {
  std::string tags;
  for (const auto files : {web::pages(), web::swagger()}) {
    for (const web::EmbeddedFile& file : files) tags += file.etag;
  }
  state_->assets = "/assets/" + sha256_hex(tags).substr(0, 12);
}

Pages::~Pages() = default;

Result<> Pages::add_routes(http::Router& router) {
  State& state = *state_;
  for (const auto files : {web::pages(), web::swagger()}) {
    for (const web::EmbeddedFile& file : files) {
      if (file.path.ends_with(".html")) continue;
      KIT_TRY(state.add(router, state.assets + '/' + std::string(file.path),
                        {file.content_type, file.etag, view(file.bytes), view(file.gzip),
                         file_policy, "public, max-age=31536000, immutable"}));
    }
  }
  for (const web::EmbeddedFile& file : web::pages()) {
    if (file.path == "index.html")
      KIT_TRY(state.add(router, "/", state.page(view(file.bytes), page_policy)));
    if (file.path == "docs.html")
      KIT_TRY(state.add(router, "/docs", state.page(view(file.bytes), docs_policy)));
    if (file.path == "favicon.svg") {
      KIT_TRY(state.add(router, "/favicon.ico",
                        {file.content_type, file.etag, view(file.bytes), view(file.gzip),
                         file_policy, "max-age=86400"}));
    }
  }
  for (const web::EmbeddedFile& file : state.application.files) {
    const std::string path = '/' + replace_all(std::string(file.path), ".gen.", ".");
    KIT_TRY(state.add(router, path,
                      {file.content_type, file.etag, view(file.bytes), view(file.gzip), file_policy,
                       "no-cache"}));
  }
  return router.add(
      http::Method::get, "/start.json", [&state](http::Request&) { return state.start_json(); },
      for_everybody());
}

}  // namespace kit::app
