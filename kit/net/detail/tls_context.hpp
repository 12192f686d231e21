// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/time.hpp"
#include "kit/net/tls.hpp"

namespace kit::net::detail {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Freer<SSL_free>>;
using Session = std::unique_ptr<SSL_SESSION, Freer<SSL_SESSION_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;

/// What OpenSSL says went wrong, in one line; empties its queue of errors.
std::string openssl_error();

/// The keys that session tickets are sealed with: a new one every 12 hours, and the one before it
/// opens tickets for 12 more. Thread safety: any thread.
class TicketKeys {
 public:
  static constexpr std::chrono::hours rotation{12};
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Clock::time_point made;
  };
  /// Nothing when the system has no randomness.
  std::optional<Key> for_sealing(Clock::time_point now);
  struct Opening {
    Key key;
    bool is_current;
  };
  /// Nothing when the key is not known (any more).
  std::optional<Opening> for_opening(const unsigned char* name, Clock::time_point now);

 private:
  bool rotate(Clock::time_point now);
  std::mutex mutex_;
  std::optional<Key> current_, previous_;
};

/// The sessions a client may resume, one for each server; each is used once, so that two
/// connections cannot be told to be one client's. Thread safety: any thread.
class SessionCache {
 public:
  static constexpr std::size_t most = 256;
  void put(const std::string& server, Session session);
  Session take(const std::string& server);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Session, std::less<>> sessions_;
};

struct TlsContextState {
  struct Entry {
    SslContext context;
    Certificate certificate;
  };
  std::vector<Entry> entries;         ///< The first is the one to begin with.
  std::string application_protocols;  ///< As the wire has them.
  std::shared_ptr<TicketKeys> tickets;
  SessionCache sessions;
  std::chrono::system_clock::time_point expires = std::chrono::system_clock::time_point::max();
  std::vector<std::string> warnings;
  bool is_client = false;
  bool verify = true;
  bool truncation_fails = false;
  bool asks_clients = false;

  /// The context whose certificate is for `server_name`; null: none is.
  SSL_CTX* find(std::string_view server_name) const;
};

/// Reads a certificate with its chain and key into `context`; the problems are those of
/// TlsContext::make_server.
Result<Certificate> load_certificate(SSL_CTX* context, const CertificateFiles& files);
/// Notes when `certificate` ends. Fails when it has, or has not begun.
Result<> check_validity(X509* certificate, const std::string& file, TlsContextState& state);
/// Sets the authorities in `file`. Fails like `load_certificate`.
Result<> load_authorities(SSL_CTX* context, const std::string& file);

/// {"h2", "http/1.1"} as ALPN has them. Fails with `invalid_argument` when one is empty or longer
/// than 255 bytes.
Result<std::string> protocols_on_wire(const std::vector<std::string>& protocols);

}  // namespace kit::net::detail
