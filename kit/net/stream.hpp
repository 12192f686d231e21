// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/loop.hpp"
#include "kit/base/result.hpp"

namespace kit::net {

/// How a read or write that never waits ended.
enum class IoStatus {
  ok,           ///< `bytes` were moved (at least one).
  would_block,  ///< Nothing now; readiness will be reported.
  closed,       ///< Reading: the peer has finished sending. Writing: the peer is gone.
  failed,       ///< `error_number` says why (errno).
};

struct IoResult {
  IoStatus status = IoStatus::ok;
  std::size_t bytes = 0;
  int error_number = 0;
};

/// What an encrypted stream knows of its peer.
struct TlsPeer {
  std::string server_name;             ///< What the client asked for (SNI); empty: nothing.
  bool verified = false;               ///< It showed a certificate that our authorities vouch for.
  std::string subject;                 ///< Of its certificate, "CN=worker,O=Example".
  std::vector<std::string> dns_names;  ///< Of its subjectAltName.
  std::vector<std::string> uris;       ///< Of its subjectAltName: SPIFFE ids.
};

/// A connected byte stream that never blocks: a TCP or Unix socket, TLS on one, or the tests'
/// in-memory pipe. Readiness is edge triggered: after a report read (write) until `would_block`, or
/// until fewer bytes than asked for came, before expecting another. Thread safety: the thread of
/// the loop it was made on.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  virtual IoResult read(std::span<char> into) = 0;
  /// Writes the parts one after the other, as far as it goes.
  virtual IoResult write(std::span<const std::string_view> parts) = 0;
  /// Reports readiness to `handler` from now on, at most until destruction; what is ready already
  /// is reported too. A second call takes the reports away from the handler before.
  virtual void watch(ReadinessHandler& handler) = 0;
  /// Ends the sending side after what was written; the peer reads an end of stream.
  virtual void shutdown_write() = 0;
  /// Makes destruction break the connection: the peer's reading fails instead of ending, so that it
  /// takes nothing for the whole. What it has not received yet may be lost.
  virtual void abort() = 0;
  /// The peer's address without the port: "127.0.0.1", "::1", "unix".
  virtual std::string_view peer() const = 0;
  /// Null: not encrypted, or the handshake has not ended.
  virtual const TlsPeer* tls() const { return nullptr; }
  /// What the handshake agreed on (ALPN): "h2", "http/1.1", or nothing.
  virtual std::string_view application_protocol() const { return {}; }
};

/// Receives new connections.
class AcceptHandler {
 public:
  virtual void on_accept(std::unique_ptr<Stream> stream) = 0;

 protected:
  ~AcceptHandler() = default;
};

/// A listening socket on the current loop. Accepts until destroyed.
class Listener {
 public:
  virtual ~Listener() = default;
  /// The port it listens on, also when 0 was asked for.
  virtual int port() const = 0;
  /// From now on whoever dials gets no answer, or is refused, while those whose connection is being
  /// made still arrive: the first step of an end that nobody notices. As far as the system can; a
  /// socket that others may go on with stays as it is.
  virtual void refuse_new() = 0;
  /// Accepts everybody who waits; closing the socket would drop them.
  virtual void accept_waiting() = 0;
};

struct ListenOptions {
  std::string address = "127.0.0.1";
  int port = 0;
  int backlog = 1024;
  bool reuse_port = false;  ///< Several loops listen on one port (SO_REUSEPORT).
};

/// Listens with TCP on the current loop. Fails with `unavailable` and a message that names address,
/// port and cause
/// ("address already in use"), or `invalid_argument` for an address that is not a numeric IPv4 or
/// IPv6 address. When descriptors run out (EMFILE) new connections are accepted and closed at once
/// instead of spinning, and counted.
Result<std::unique_ptr<Listener>> listen_tcp(const ListenOptions& options, AcceptHandler& handler);

/// How many connections all listeners of the process have closed at once because descriptors had
/// run out. Thread safety: any thread.
std::uint64_t connections_turned_away();

}  // namespace kit::net
