// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/net/address.hpp"
#include "kit/net/connector.hpp"
#include "kit/net/resolver.hpp"
#include "kit/net/stream.hpp"
#include "kit/net/tls.hpp"

namespace kit::net {

/// Whether an address may be connected to: what keeps a request that names a host from reaching the
/// machine's own network. Asked for the very address that is then connected to, for each; an IPv4
/// address in IPv6 form is shown as IPv4.
using AddressFilter = Function<bool(const IpAddress& address) const>;

struct ConnectOptions {
  /// For looking up and connecting together.
  Clock::duration timeout = std::chrono::seconds(2);
  /// How long an address has before the next one is tried beside it (RFC 8305).
  Clock::duration stagger = std::chrono::milliseconds(250);
  /// Null: every address is fine. Lifetime: until connected.
  const AddressFilter* filter = nullptr;
};

/// Connects over TCP, to the first of the host's addresses that answers: they are tried in turn,
/// IPv6 and IPv4 alternating, and the others are dropped. Fails with a message that names host,
/// port and cause: `unavailable` with CONNECTION_REFUSED, HOST_NOT_FOUND, LOOKUP_FAILED,
/// HOST_UNREACHABLE, CONNECT_TIMEOUT or CONNECT_FAILED; `permission_denied` with ADDRESS_REFUSED
/// when the filter let none through. Cancellation: closes everything. Lifetime: `resolver` until it
/// has ended.
Task<std::unique_ptr<Stream>> connect_tcp(std::string host, int port, Resolver& resolver,
                                          ConnectOptions options = {});

/// Connects to a Unix socket. Fails like `connect_tcp`; SOCKET_NOT_FOUND when there is none.
Task<std::unique_ptr<Stream>> connect_unix(std::string path);

/// `connect_tcp`, then `start_tls`.
Task<std::unique_ptr<Stream>> connect_tls(std::string host, int port, Resolver& resolver,
                                          std::shared_ptr<const TlsContext> context,
                                          std::vector<std::string> application_protocols,
                                          ConnectOptions options = {});

/// The order in which addresses are tried: families alternate, beginning with the first one's.
Addresses interleave(const Addresses& addresses);

struct ConnectorOptions {
  Clock::duration timeout = std::chrono::seconds(2);
  Clock::duration tls_timeout = std::chrono::seconds(5);
  AddressFilter filter{};  ///< Empty: every address is fine. Unix sockets are not asked about.
};

/// Connects over TCP, TLS and Unix sockets. `tls` may be null when no endpoint wants TLS; it is
/// asked for the context of each connection. Lifetime: `resolver` outlives the connector.
std::unique_ptr<Connector> make_connector(Resolver& resolver, std::shared_ptr<TlsStore> tls,
                                          ConnectorOptions options = {});

}  // namespace kit::net
