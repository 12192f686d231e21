// SPDX-License-Identifier: Apache-2.0
// What the handshake told: who the peer is, and what is spoken.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "kit/net/detail/tls_stream.hpp"

namespace kit::net::detail {
namespace {

using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

/// A name with a NUL inside is meant to be cut by somebody: it is left out.
void add_name(std::vector<std::string>& to, const ASN1_STRING* name) {
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                   static_cast<std::size_t>(ASN1_STRING_length(name)));
  if (text.find('\0') == std::string::npos) to.push_back(std::move(text));
}

std::string subject_of(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

void TlsStream::describe_peer() {
  about_peer_ = std::make_unique<TlsPeer>();
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) {
    about_peer_->server_name = name;
  }
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return;
  about_peer_->verified = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0 &&
                          SSL_get_verify_result(ssl_.get()) == X509_V_OK;
  about_peer_->subject = subject_of(certificate);
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) add_name(about_peer_->dns_names, name->d.dNSName);
    if (name->type == GEN_URI) {
      add_name(about_peer_->uris, name->d.uniformResourceIdentifier);
    }
  }
  ERR_clear_error();
}

std::string_view TlsStream::application_protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  if (phase_ == Phase::open) SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

void TlsStream::begin_client(const TlsTarget& target) {
  SSL* const ssl = ssl_.get();
  SSL_set_connect_state(ssl);
  std::string host = target.host;
  if (host.ends_with('.')) host.pop_back();  // neither certificates nor SNI have it
  in6_addr ignored{};
  const bool numeric = ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
                       ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
  // OpenSSL leaves the check out for an empty name, and takes any name below one that begins with a
  // dot.
  bool good = !host.empty() && !host.starts_with('.');
  if (context_state().verify) {
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
    // RFC 9525: a subject is no name of a host.
    X509_VERIFY_PARAM_set_hostflags(
        rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    good = good && (numeric ? X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str())
                            : X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size())) == 1;
  }
  // RFC 6066: names only.
  if (!numeric && good) good = SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
  session_key_ = host + ':' + std::to_string(target.port);
  const Result<std::string> protocols = protocols_on_wire(target.application_protocols);
  good = good && protocols.ok();
  if (good && !protocols->empty()) {
    good = SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols->data()),
                               static_cast<unsigned int>(protocols->size())) == 0;
    session_key_.append("/").append(*protocols);
  }
  if (!good) return fail(EINVAL, "'" + target.host + "' is no name of a server");
  const Session session = context_state().sessions.take(session_key_);
  if (session) SSL_set_session(ssl, session.get());
}

}  // namespace kit::net::detail
