// SPDX-License-Identifier: Apache-2.0
// What the bundle of a process waits for: credentials in the database, issuers of tokens, Redis.
#include "kit/middleware/outside.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/app/detail/process.hpp"
#include "kit/cache/shared.hpp"
#include "kit/credentials/key_fetch.hpp"
#include "kit/security/identity.hpp"

namespace kit::app::detail {
namespace {

Task<std::shared_ptr<const security::Identity>> verify_key(credentials::ApiKeys& keys,
                                                           std::string key) {
  auto identity = co_await keys.verify(key, Timestamp::now());
  co_return identity;
}

/// "uri:spiffe://shop/worker": the kind of name before the first colon.
Result<std::vector<credentials::CertificateRule>> certificate_rules(
    const std::map<std::string, std::string>& named) {
  using credentials::CertificateName;
  std::vector<credentials::CertificateRule> rules;
  for (const auto& [name, subject] : named) {
    credentials::CertificateRule rule;
    const std::size_t colon = std::min(name.find(':'), name.size());
    const std::string_view kind = std::string_view(name).substr(0, colon);
    if (kind == "dns") {
      rule.kind = CertificateName::dns;
    } else if (kind == "cn") {
      rule.kind = CertificateName::common_name;
    } else if (kind != "uri") {
      return Error(Code::invalid_argument,
                   "auth.certificates: '" + name + "' begins with uri:, dns: or cn:");
    }
    rule.name = name.substr(std::min(colon + 1, name.size()));
    rule.subject = subject;
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<> share_limits(Process& process, middleware::Outside& outside) {
  if (!process.settings.middleware.rate_limit.shared) return {};
  if (!process.shared_cache.client) {
    return Error(Code::invalid_argument,
                 "rate_limit.shared counts in Redis: set cache.url to redis://host/");
  }
  redis::RateLimitOptions options;
  options.prefix = std::string(process.application.name) + ":limit:";
  process.shared_limits = std::make_unique<redis::RateLimits>(
      *process.shared_cache.client, process.bundle->rate_limits(), std::move(options));
  process.shared_limits->add_metrics(process.access_log->registry());
  outside.shared_limits = [&of = *process.shared_limits](resilience::RateLimitRequest request) {
    return of.ask(request);
  };
  return {};
}

Result<> name_certificates(Process& process, middleware::Outside& outside) {
  const auto& named = process.settings.middleware.auth.certificates;
  if (named.empty()) return {};
  auto rules = certificate_rules(named);
  if (!rules) return std::move(rules).error();
  auto made = credentials::ClientCertificates::make(std::move(*rules));
  if (!made) return Error(Code::invalid_argument, "auth.certificates: " + made.error().message());
  process.certificates = std::move(*made);
  outside.certificate = [&of = *process.certificates](const net::TlsPeer* peer) {
    return of.identify(peer);
  };
  return {};
}

/// Keys that are fetched, from an address or from where an OpenID provider says they are.
Result<> ask_issuer(Process& process, middleware::Outside& outside) {
  const middleware::JwtAuth& auth = process.settings.middleware.auth;
  if (!auth.keys_are_remote()) return {};
  if (auth.keys == "issuer" && auth.issuer.empty()) {
    return Error(Code::invalid_argument, "auth.keys is issuer, but auth.issuer names none");
  }
  process.issuer = std::make_unique<http::Client>(*process.connector);
  credentials::KeyFetchOptions options;
  // On one's own desk, and to a proxy beside the process.
  options.allow_http = process.settings.app.environment == "dev";
  http::Handler send = process.issuer->handler(credentials::key_fetch_limits());
  auto fetch = auth.keys == "issuer"
                   ? credentials::fetch_keys_of_issuer(std::move(send), auth.issuer, options)
                   : credentials::fetch_keys_from(std::move(send), auth.keys, options);
  if (!fetch) return Error(Code::invalid_argument, "auth.keys: " + fetch.error().message());
  process.issuer_keys =
      std::make_unique<security::RemoteKeys>(std::move(*fetch), process.bundle->key_store());
  outside.fetch_keys = [&of = *process.issuer_keys] { return of.fetch_again(); };
  return {};
}

Task<> open_credentials(Process& process, middleware::Outside& outside, cache::Shared* shared) {
  auto& list = process.bundle->revocations();
  process.revocations = std::make_unique<credentials::Revocations>(*process.database, shared, list);
  Task<> reading = process.revocations->read();
  if (Result<> read = co_await as_result(std::move(reading)); !read) {
    co_await Error(Code::failed_precondition,
                   "what was revoked could not be read from the database; where its table is "
                   "missing, kitgen generate writes the migration that makes it")
        .with_cause(std::move(read).error());
  }
  process.api_keys =
      std::make_unique<credentials::ApiKeys>(*process.database, *process.revocations, list);
  outside.api_key = [&of = *process.api_keys](std::string key) {
    return verify_key(of, std::move(key));
  };
}

}  // namespace

Task<> open_guarded(Process& process, cache::Shared* shared) {
  middleware::Outside outside;
  co_await share_limits(process, outside);
  if (process.settings.middleware.auth.is_on()) {
    co_await name_certificates(process, outside);
    co_await ask_issuer(process, outside);
    if (process.service->has_access_rules()) {
      co_await open_credentials(process, outside, shared);
    }
  }
  process.bundle->set_outside(std::move(outside));
}

}  // namespace kit::app::detail
