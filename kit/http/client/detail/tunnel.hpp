// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kit/http/client/client_options.hpp"
#include "kit/http/client/url.hpp"

namespace kit::http::detail {

/// "host:port", an IPv6 address in brackets.
std::string authority_of(const net::Endpoint& endpoint);
/// Where `options` say that requests go through. Fails with `invalid_argument` for a malformed URL
/// or an authorization that would be more than the value of a field.
Result<Url> parse_proxy(const ProxyOptions& options);

/// An encrypted connection to `target` through the proxy: CONNECT (RFC 9110 section 9.3.6), then
/// the handshake with the target itself. Fails like `net::Connector::connect` and
/// `net::start_tls`; with `permission_denied` (PROXY_AUTHENTICATION_REQUIRED, or PROXY_REFUSED
/// with the status that the proxy answered) or, when its status is 5xx, `unavailable`
/// (PROXY_REFUSED); `failed_precondition` (PROXY_TLS_MISSING) without `ProxyOptions::tls`.
/// Lifetime: references until the task has ended.
Task<std::unique_ptr<net::Stream>> connect_by_tunnel(net::Connector& connector, net::Endpoint proxy,
                                                     net::Endpoint target,
                                                     const ClientOptions& options);

}  // namespace kit::http::detail
