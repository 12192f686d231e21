// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/net/stream.hpp"
#include "kit/security/identity.hpp"

namespace kit::credentials {

/// Which part of a client's certificate names it. Each has its own: what one authority writes into
/// a DNS name says nothing about what stands in a URI.
enum class CertificateName : std::uint8_t {
  uri,          ///< A URI of subjectAltName: "spiffe://example.org/worker".
  dns,          ///< A DNS name of subjectAltName.
  common_name,  ///< The only CN of the subject, for certificates from before subjectAltName.
};

/// Who a certificate with this name is.
struct CertificateRule {
  CertificateName kind = CertificateName::uri;
  std::string name{};     ///< The whole name; no wildcards.
  std::string subject{};  ///< `Identity::subject`
  std::vector<std::string> roles{};
  std::vector<std::string> scopes{};
};

/// Tells from a verified certificate who a client is. Thread safety: any thread.
class ClientCertificates {
 public:
  /// Fails with `invalid_argument` for an empty name or subject, or a name twice.
  static Result<std::unique_ptr<ClientCertificates>> make(std::vector<CertificateRule> rules);

  /// Null: the client showed no certificate that our authorities vouch for, or none that a rule
  /// names, or names of it lead to different rules. DNS names are compared without regard to case.
  std::shared_ptr<const security::Identity> identify(const net::TlsPeer* peer) const;
  /// Fails as `make` and leaves the rules as they were.
  Result<> replace(std::vector<CertificateRule> rules);

 private:
  using Rules =
      std::map<std::pair<CertificateName, std::string>, std::shared_ptr<const security::Identity>>;
  static Result<Rules> read(std::vector<CertificateRule> rules);
  ClientCertificates() = default;

  mutable std::mutex mutex_;  // guards the pointer
  std::shared_ptr<const Rules> rules_;
};

/// The CN of a subject as `net::TlsPeer` shows it (RFC 2253); nothing where there is none, more
/// than one, or one with an escaped or multi-valued part, which somebody may have written to be
/// misread.
std::optional<std::string> common_name(std::string_view subject);

}  // namespace kit::credentials
