// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/client_certificates.hpp"

#include <utility>

#include "kit/base/text.hpp"

namespace kit::credentials {

using security::Identity;

std::optional<std::string> common_name(std::string_view subject) {
  // Escapes, quotes and '+' let one value look like two.
  if (subject.find_first_of("\\\"+#;<>") != std::string_view::npos) return std::nullopt;
  std::optional<std::string> found;
  for (const std::string_view part : split(subject, ',')) {
    if (!part.starts_with("CN=")) continue;
    if (found) return std::nullopt;
    found = std::string(part.substr(3));
  }
  if (found && found->empty()) return std::nullopt;
  return found;
}

Result<ClientCertificates::Rules> ClientCertificates::read(std::vector<CertificateRule> rules) {
  Rules read;
  for (CertificateRule& rule : rules) {
    if (rule.name.empty()) return invalid("name", "must not be empty");
    if (rule.subject.empty())
      return invalid("subject", "of the certificate '" + rule.name + "' must not be empty");
    if (rule.kind == CertificateName::dns) rule.name = to_lower(rule.name);
    Identity identity;
    identity.subject = std::move(rule.subject);
    identity.roles = std::move(rule.roles);
    identity.kind = security::IdentityKind::certificate;
    identity.scopes = std::move(rule.scopes);
    identity.seal();
    const auto [place, is_new] = read.try_emplace(
        std::pair(rule.kind, rule.name), std::make_shared<const Identity>(std::move(identity)));
    if (!is_new) return invalid("name", "'" + rule.name + "' has two rules");
  }
  return read;
}

Result<std::unique_ptr<ClientCertificates>> ClientCertificates::make(
    std::vector<CertificateRule> rules) {
  std::unique_ptr<ClientCertificates> made(new ClientCertificates);
  KIT_TRY(made->replace(std::move(rules)));
  return made;
}

Result<> ClientCertificates::replace(std::vector<CertificateRule> rules) {
  Result<Rules> next = read(std::move(rules));
  if (!next) return std::move(next).error();
  auto shared = std::make_shared<const Rules>(*std::move(next));
  const std::lock_guard lock(mutex_);
  rules_ = std::move(shared);
  return {};
}

std::shared_ptr<const Identity> ClientCertificates::identify(const net::TlsPeer* peer) const {
  if (peer == nullptr || !peer->verified) return nullptr;
  std::shared_ptr<const Rules> rules;
  {
    const std::lock_guard lock(mutex_);
    rules = rules_;
  }
  std::shared_ptr<const Identity> found;
  bool is_ambiguous = false;
  const auto look = [&](CertificateName kind, std::string name) {
    const auto rule = rules->find(std::pair(kind, std::move(name)));
    if (rule == rules->end()) return;
    if (found != nullptr && found != rule->second) is_ambiguous = true;
    found = rule->second;
  };
  for (const std::string& uri : peer->uris) look(CertificateName::uri, uri);
  for (const std::string& name : peer->dns_names) look(CertificateName::dns, to_lower(name));
  if (auto name = common_name(peer->subject)) look(CertificateName::common_name, *std::move(name));
  return is_ambiguous ? nullptr : found;
}

}  // namespace kit::credentials
