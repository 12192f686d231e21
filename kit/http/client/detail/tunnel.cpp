// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/tunnel.hpp"

#include <array>
#include <utility>

#include "kit/http/client/response_parser.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/tls.hpp"

namespace kit::http::detail {
namespace {

/// What a caller of ours sees when the proxy is in the way.
constexpr int bad_gateway = 502;

Error malformed(std::string_view problem) {
  return Error(Code::unavailable, "the answer of the proxy is malformed: " + std::string(problem))
      .with_reason("MALFORMED_RESPONSE")
      .with_http_status(bad_gateway);
}

Error refused(int status, const std::string& authority) {
  if (status == 407) {
    return Error(Code::permission_denied, "the proxy wants to know who asks for " + authority)
        .with_reason("PROXY_AUTHENTICATION_REQUIRED")
        .with_http_status(bad_gateway);
  }
  // 5xx: the proxy could not reach the target, which may pass.
  return Error(status >= 500 ? Code::unavailable : Code::permission_denied,
               "the proxy answered " + std::to_string(status) + " to CONNECT " + authority)
      .with_reason("PROXY_REFUSED")
      .with_http_status(bad_gateway);
}

std::string render_connect(const std::string& authority, const ProxyOptions& options) {
  std::string text = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  const std::string& authorization = options.authorization.reveal();
  if (!authorization.empty()) text += "Proxy-Authorization: " + authorization + "\r\n";
  return text += "\r\n";
}

/// Asks for the tunnel; ends with the stream once it belongs to the target.
Task<std::unique_ptr<net::Stream>> open_tunnel(std::unique_ptr<net::Stream> plain,
                                               std::string authority,
                                               const ClientOptions& options) {
  net::AsyncStream stream(std::move(plain));
  const std::string request = render_connect(authority, options.proxy);
  co_await stream.write(request);
  ResponseParser parser(options.response, Method::other);
  std::string received;
  std::array<char, 2048> buffer;
  while (true) {
    const std::size_t count = co_await stream.read(buffer);
    if (count == 0) {
      co_return Error(Code::unavailable, "the proxy ended the connection before its answer")
          .with_reason("CONNECTION_LOST");
    }
    received.append(buffer.data(), count);
    const ParseState state = parser.parse(received);
    if (state == ParseState::refused) co_return malformed(parser.problem());
    if (state == ParseState::complete) break;
  }
  const int status = parser.head().status;
  if (status >= 300) co_return refused(status, authority);
  // A body that a success states does not exist, and a TLS server never speaks first: what is there
  // is not the target's.
  if (received.size() > parser.size()) co_return malformed("there are bytes behind it");
  co_return stream.release();
}

}  // namespace

std::string authority_of(const net::Endpoint& endpoint) {
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

Result<Url> parse_proxy(const ProxyOptions& options) {
  if (!is_field_value(options.authorization.reveal())) {
    return Error(Code::invalid_argument, "the authorization for the proxy has a control character")
        .with_reason("PROXY_AUTHORIZATION_INVALID");
  }
  return Url::parse(options.url);
}

Task<std::unique_ptr<net::Stream>> connect_by_tunnel(net::Connector& connector, net::Endpoint proxy,
                                                     net::Endpoint target,
                                                     const ClientOptions& options) {
  if (!options.proxy.tls) {
    co_return Error(Code::failed_precondition, "https through a proxy needs ProxyOptions::tls")
        .with_reason("PROXY_TLS_MISSING");
  }
  auto plain = co_await connector.connect(std::move(proxy));
  auto opening = open_tunnel(std::move(plain), authority_of(target), options);
  auto tunnel = co_await std::move(opening);
  net::TlsTarget peer;
  peer.host = std::move(target.host);
  peer.port = target.port;
  peer.application_protocols = std::move(target.application_protocols);
  peer.handshake_timeout = options.tls_timeout;
  auto starting = net::start_tls(std::move(tunnel), options.proxy.tls->current(), std::move(peer));
  auto encrypted = co_await std::move(starting);
  co_return encrypted;
}

}  // namespace kit::http::detail
