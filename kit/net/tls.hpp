// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"
#include "kit/net/stream.hpp"

namespace kit::net {

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };

/// What a server wants of its clients.
enum class ClientAuth : std::uint8_t {
  none,     ///< No certificate is asked for.
  request,  ///< One is asked for; a bad one is refused, none is fine.
  require,  ///< Without a good one there is no connection.
};

/// PEM files: the certificate followed by those between it and the authority, and its key.
struct CertificateFiles {
  std::string certificate{};
  std::string key{};
};

struct TlsServerOptions {
  /// The first is for clients that name no server, or one that no certificate is for; the others
  /// are chosen by the names in them.
  std::vector<CertificateFiles> certificates{};
  /// The authorities of clients, PEM. Required unless `client_auth` is none.
  std::string client_ca{};
  ClientAuth client_auth = ClientAuth::none;
  /// 1.2 takes only ECDHE with AES-GCM or ChaCha20-Poly1305.
  TlsVersion min_version = TlsVersion::tls_1_3;
  /// Best first. Clients that offer none of them are refused; those that offer nothing are not.
  std::vector<std::string> application_protocols{};
};

struct TlsClientOptions {
  /// The authorities of servers, PEM; empty: those of the system.
  std::string ca{};
  /// Shown to servers that ask for one; empty: none.
  CertificateFiles certificate{};
  TlsVersion min_version = TlsVersion::tls_1_3;
  /// False: anybody is taken for the server. For a person at a desk.
  bool verify = true;
  /// An end without close_notify, which anybody on the way can make, is read as `failed`, not as
  /// `closed`.
  bool truncation_fails = true;
};

namespace detail {
struct TlsContextState;
}

/// Certificates, keys and rules, read once and never changed; streams that were made with it go on
/// with it when it is replaced. Thread safety: any thread.
class TlsContext {
 public:
  /// Fails with `invalid_argument` and a reason: TLS_FILE_MISSING, TLS_BAD_PEM, TLS_KEY_READABLE
  /// (others than its owner may read the key; the message has the chmod), TLS_KEY_ENCRYPTED,
  /// TLS_KEY_MISMATCH, TLS_CERTIFICATE_EXPIRED, TLS_CERTIFICATE_NOT_YET_VALID,
  /// TLS_CERTIFICATE_REFUSED. `before`: what this one replaces; clients go on with the sessions
  /// they have of it, unless certificates of clients are asked for.
  static Result<std::shared_ptr<const TlsContext>> make_server(const TlsServerOptions& options,
                                                               const TlsContext* before = nullptr);
  static Result<std::shared_ptr<const TlsContext>> make_client(const TlsClientOptions& options);
  explicit TlsContext(std::unique_ptr<detail::TlsContextState> state);
  ~TlsContext();

  /// When the first of the certificates ends; max() without any.
  std::chrono::system_clock::time_point expires() const;
  /// One sentence for each certificate that ends within 14 days.
  const std::vector<std::string>& warnings() const;

  detail::TlsContextState& state() const { return *state_; }

 private:
  std::unique_ptr<detail::TlsContextState> state_;
};

/// How handshakes ended. Thread safety: any thread.
struct TlsCounts {
  std::atomic<std::uint64_t> handshakes{0};  ///< That succeeded, resumed ones too.
  std::atomic<std::uint64_t> resumed{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> timed_out{0};
};

/// The context for new connections, which may be replaced while others live, and what happened to
/// all of them. Thread safety: any thread.
class TlsStore {
 public:
  explicit TlsStore(std::shared_ptr<const TlsContext> first) : current_(std::move(first)) {}

  std::shared_ptr<const TlsContext> current() const;
  void replace(std::shared_ptr<const TlsContext> next);
  TlsCounts& counts() { return counts_; }

 private:
  mutable std::mutex mutex_;  // guards the pointer
  std::shared_ptr<const TlsContext> current_;
  TlsCounts counts_;
};

/// Encrypts what is accepted: every stream is wrapped and handed on at once. Reading it blocks
/// until the handshake has ended, and fails when that failed or took longer than
/// `handshake_timeout`. Thread safety: one loop's thread; `store` may be shared.
/// Lifetime: longer than its streams' loop turns; `next` outlives it.
class TlsAcceptor final : public AcceptHandler {
 public:
  struct Options {
    Clock::duration handshake_timeout = std::chrono::seconds(5);
  };
  TlsAcceptor(std::shared_ptr<TlsStore> store, AcceptHandler& next, Options options);
  TlsAcceptor(std::shared_ptr<TlsStore> store, AcceptHandler& next)
      : TlsAcceptor(std::move(store), next, Options()) {}

  void on_accept(std::unique_ptr<Stream> stream) override;

 private:
  std::shared_ptr<TlsStore> store_;
  AcceptHandler& next_;
  Options options_;
};

struct TlsTarget {
  std::string host{};  ///< Whose certificate it has to be: a name or a numeric address.
  int port = 0;        ///< With `host`, whose earlier session may be resumed.
  std::vector<std::string> application_protocols{};
  Clock::duration handshake_timeout = std::chrono::seconds(5);
};

/// The client's side: ends with the stream once the server has proved who it is. Fails with
/// `unavailable`: TLS_HANDSHAKE_FAILED, TLS_CERTIFICATE_REFUSED (with what is wrong with the
/// server's certificate), TLS_HANDSHAKE_TIMEOUT. Cancellation: drops the connection.
Task<std::unique_ptr<Stream>> start_tls(std::unique_ptr<Stream> stream,
                                        std::shared_ptr<const TlsContext> context,
                                        TlsTarget target);

}  // namespace kit::net
