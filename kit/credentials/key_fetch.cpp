// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/key_fetch.hpp"

#include <memory>
#include <utility>

#include "kit/security/discovery.hpp"

namespace kit::credentials {
namespace {

using security::FetchKeys;

/// Addresses of keys and metadata, with the limits of both.
struct Source {
  http::Handler send;
  bool allow_http = false;
};

Task<std::string> get(std::shared_ptr<const Source> source, std::string url) {
  http::Request request;
  request.method = http::Method::get;
  request.method_name = "GET";
  request.target = url;
  Task<http::Response> asking = source->send(request);
  http::Response answer = co_await std::move(asking);
  if (answer.status != 200) {
    co_await Error(Code::unavailable,
                   "the issuer answers " + std::to_string(answer.status) + " at " + url)
        .with_reason("KEY_FETCH_FAILED");
  }
  if (answer.body.size() > security::max_key_set_bytes) {
    co_await Error(Code::resource_exhausted, "more than 256 KiB at " + url)
        .with_reason("KEY_FETCH_FAILED");
  }
  co_return std::move(answer.body);
}

Task<std::string> get_of_issuer(std::shared_ptr<const Source> source, std::string issuer) {
  Task<std::string> asking = get(source, security::discovery_url(issuer));
  const std::string text = co_await std::move(asking);
  Result<security::ProviderMetadata> metadata =
      security::parse_discovery(text, issuer, source->allow_http);
  const security::ProviderMetadata provider = co_await std::move(metadata);
  Task<std::string> fetching = get(source, provider.jwks_uri);
  co_return co_await std::move(fetching);
}

Result<std::shared_ptr<const Source>> make_source(http::Handler send, const std::string& url,
                                                  const KeyFetchOptions& options) {
  if (!security::is_key_url(url, options.allow_http)) {
    return Error(Code::invalid_argument, "'" + url + "' is no https address of an issuer's keys")
        .with_reason("KEY_URL_INVALID");
  }
  auto source = std::make_shared<Source>();
  source->send = std::move(send);
  source->allow_http = options.allow_http;
  return std::shared_ptr<const Source>(std::move(source));
}

}  // namespace

http::SendOptions key_fetch_limits() {
  http::SendOptions limits;
  limits.body_bytes = security::max_key_set_bytes;
  limits.redirects = 0;
  return limits;
}

Result<FetchKeys> fetch_keys_from(http::Handler send, std::string url, KeyFetchOptions options) {
  Result<std::shared_ptr<const Source>> source = make_source(std::move(send), url, options);
  if (!source) return std::move(source).error();
  return FetchKeys(
      [source = *std::move(source), url = std::move(url)] { return get(source, url); });
}

Result<FetchKeys> fetch_keys_of_issuer(http::Handler send, std::string issuer,
                                       KeyFetchOptions options) {
  Result<std::shared_ptr<const Source>> source = make_source(std::move(send), issuer, options);
  if (!source) return std::move(source).error();
  return FetchKeys([source = *std::move(source), issuer = std::move(issuer)] {
    return get_of_issuer(source, issuer);
  });
}

}  // namespace kit::credentials
