// SPDX-License-Identifier: Apache-2.0
#include "kit/net/detail/tls_context.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "kit/net/detail/tls_stream.hpp"

namespace kit::net {
namespace detail {
namespace {

constexpr const char* groups = "P-256:X25519";
constexpr const char* tls_1_2_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
/// How long a client may resume a session: as long as its ticket can be opened for sure.
constexpr std::chrono::seconds session_life = TicketKeys::rotation;

Error refused_setting(const char* what) {
  return Error(Code::internal, std::string("TLS: ") + what + ": " + openssl_error());
}

Result<SslContext> make_context(const SSL_METHOD* method, TlsVersion min_version) {
  SslContext context(SSL_CTX_new(method));
  if (!context) return refused_setting("no context");
  const int least = min_version == TlsVersion::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
  if (SSL_CTX_set_min_proto_version(context.get(), least) != 1 ||
      SSL_CTX_set1_groups_list(context.get(), groups) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), tls_1_2_ciphers) != 1) {
    return refused_setting("a setting was refused");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA);
  // Idle connections hold no record buffer; a write may go on from another place.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One system call for a record instead of one for its header and one for the rest.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_timeout(context.get(), static_cast<long>(session_life.count()));
  return context;
}

TlsContextState& state_of(SSL* ssl) {
  return TlsStream::of(ssl).context_state();
}

int choose_certificate(SSL* ssl, int*, void*) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const found = state_of(ssl).find(name);
  if (found != nullptr && found != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, found);
  return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  const std::string& ours = state_of(ssl).application_protocols;
  unsigned char* selected = nullptr;
  const int how =
      SSL_select_next_proto(&selected, size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), offered, offered_size);
  *chosen = selected;
  return how == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int set_ticket_key(const TicketKeys::Key& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac, bool sealing) {
  if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv,
                        sealing ? 1 : 0) != 1) {
    return -1;
  }
  std::array<char, 7> digest{"SHA256"};
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                        const_cast<unsigned char*>(key.mac.data()), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1 ? 1 : -1;
}

/// 1: the key is set; 2: so, and the client gets a new ticket; 0: begin without one; -1: fail.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int sealing) {
  TicketKeys& keys = *state_of(ssl).tickets;
  const auto now = Clock::now();
  if (sealing != 0) {
    const auto key = keys.for_sealing(now);
    if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::ranges::copy(key->name, name);
    return set_ticket_key(*key, iv, cipher, mac, true);
  }
  const auto opening = keys.for_opening(name, now);
  if (!opening) return 0;
  if (set_ticket_key(opening->key, iv, cipher, mac, false) != 1) return -1;
  // TLS 1.3 has every ticket used once, and gives a new one with each connection.
  return opening->is_current && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  TlsStream& stream = TlsStream::of(ssl);
  stream.context_state().sessions.put(stream.session_key(), Session(session));
  return 1;  // the session is ours now
}

Result<> ask_clients(SSL_CTX* context, const TlsServerOptions& options) {
  if (options.client_auth == ClientAuth::none) return {};
  if (options.client_ca.empty()) {
    return invalid("client_ca", "is required to check certificates of clients");
  }
  KIT_TRY(load_authorities(context, options.client_ca));
  int mode = SSL_VERIFY_PEER;
  if (options.client_auth == ClientAuth::require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
  return {};
}

Result<> add_certificate(TlsContextState& state, const TlsServerOptions& options,
                         const CertificateFiles& files) {
  Result<SslContext> context = make_context(TLS_server_method(), options.min_version);
  if (!context) return std::move(context).error();
  SSL_CTX* const raw = context->get();
  Result<Certificate> certificate = load_certificate(raw, files);
  if (!certificate) return std::move(certificate).error();
  KIT_TRY(check_validity(certificate->get(), files.certificate, state));
  KIT_TRY(ask_clients(raw, options));
  constexpr std::array<unsigned char, 3> session_context{'k', 'i', 't'};
  SSL_CTX_set_session_id_context(raw, session_context.data(), session_context.size());
  // Tickets only: nothing of a client is kept here.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, ticket_key);
  SSL_CTX_set_tlsext_servername_callback(raw, choose_certificate);
  if (!state.application_protocols.empty()) {
    SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
  }
  state.entries.push_back({std::move(*context), std::move(*certificate)});
  return {};
}

}  // namespace

SSL_CTX* TlsContextState::find(std::string_view server_name) const {
  for (const Entry& entry : entries) {
    if (X509_check_host(entry.certificate.get(), server_name.data(), server_name.size(),
                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1) {
      return entry.context.get();
    }
  }
  return nullptr;
}

Result<std::string> protocols_on_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) {
      return invalid("application_protocols", "must have 1 to 255 bytes each");
    }
    wire.push_back(static_cast<char>(protocol.size()));
    wire.append(protocol);
  }
  return wire;
}

}  // namespace detail

TlsContext::TlsContext(std::unique_ptr<detail::TlsContextState> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

std::chrono::system_clock::time_point TlsContext::expires() const {
  return state_->expires;
}
const std::vector<std::string>& TlsContext::warnings() const {
  return state_->warnings;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make_server(const TlsServerOptions& options,
                                                                  const TlsContext* before) {
  if (options.certificates.empty()) return invalid("certificates", "must not be empty");
  auto state = std::make_unique<detail::TlsContextState>();
  auto protocols = detail::protocols_on_wire(options.application_protocols);
  if (!protocols) return std::move(protocols).error();
  state->application_protocols = std::move(*protocols);
  state->asks_clients = options.client_auth != ClientAuth::none;
  // A ticket tells who a client was; it must not outlive the authorities that vouched for it.
  if (before != nullptr && !state->asks_clients && !before->state_->asks_clients) {
    state->tickets = before->state_->tickets;
  } else {
    state->tickets = std::make_shared<detail::TicketKeys>();
  }
  for (const CertificateFiles& files : options.certificates) {
    KIT_TRY(detail::add_certificate(*state, options, files));
  }
  return std::make_shared<const TlsContext>(std::move(state));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make_client(const TlsClientOptions& options) {
  auto context = detail::make_context(TLS_client_method(), options.min_version);
  if (!context) return std::move(context).error();
  SSL_CTX* const raw = context->get();
  auto state = std::make_unique<detail::TlsContextState>();
  state->is_client = true;
  state->verify = options.verify;
  state->truncation_fails = options.truncation_fails;
  if (options.verify) {
    if (!options.ca.empty()) {
      KIT_TRY(detail::load_authorities(raw, options.ca));
    } else if (SSL_CTX_set_default_verify_paths(raw) != 1) {
      return detail::refused_setting("no authorities of the system");
    }
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  }
  detail::Certificate certificate;
  if (!options.certificate.certificate.empty()) {
    auto loaded = detail::load_certificate(raw, options.certificate);
    if (!loaded) return std::move(loaded).error();
    certificate = std::move(*loaded);
    KIT_TRY(detail::check_validity(certificate.get(), options.certificate.certificate, *state));
  }
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(raw, detail::keep_session);
  state->entries.push_back({std::move(*context), std::move(certificate)});
  return std::make_shared<const TlsContext>(std::move(state));
}

std::shared_ptr<const TlsContext> TlsStore::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void TlsStore::replace(std::shared_ptr<const TlsContext> next) {
  const std::lock_guard lock(mutex_);
  current_.swap(next);
}

}  // namespace kit::net
