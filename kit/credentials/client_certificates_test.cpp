// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/client_certificates.hpp"

#include <gtest/gtest.h>

namespace kit::credentials {
namespace {

net::TlsPeer verified(std::string subject, std::vector<std::string> uris = {},
                      std::vector<std::string> dns_names = {}) {
  net::TlsPeer peer;
  peer.verified = true;
  peer.subject = std::move(subject);
  peer.uris = std::move(uris);
  peer.dns_names = std::move(dns_names);
  return peer;
}

std::unique_ptr<ClientCertificates> example() {
  std::vector<CertificateRule> rules(4);
  rules[0] = {CertificateName::uri, "spiffe://example.org/worker", "worker", {"writer"}, {"jobs"}};
  rules[1] = {CertificateName::dns, "Gate.example.org", "gate", {}, {}};
  rules[2] = {CertificateName::common_name, "old-client", "old", {}, {}};
  rules[3] = {CertificateName::dns, "worker.example.org", "worker-by-dns", {}, {}};
  return ClientCertificates::make(std::move(rules)).value();
}

std::string subject_of(const ClientCertificates& certificates, const net::TlsPeer& peer) {
  const auto identity = certificates.identify(&peer);
  return identity == nullptr ? "" : identity->subject;
}

TEST(ClientCertificates, AreFoundByTheirNames) {
  const auto certificates = example();
  const net::TlsPeer worker = verified("CN=x", {"spiffe://example.org/worker"});
  const auto identity = certificates->identify(&worker);
  ASSERT_NE(identity, nullptr);
  EXPECT_EQ(identity->subject, "worker");
  EXPECT_EQ(identity->kind, security::IdentityKind::certificate);
  EXPECT_TRUE(identity->has("writer"));
  EXPECT_TRUE(identity->has_scope("jobs"));
  EXPECT_NE(identity->subject_fingerprint, 0U);
  EXPECT_EQ(subject_of(*certificates, verified("CN=x", {}, {"a.example", "GATE.example.org"})),
            "gate");
  EXPECT_EQ(subject_of(*certificates, verified("CN=old-client,O=Example")), "old");
}

TEST(ClientCertificates, WhoIsNotVerifiedIsNobody) {
  const auto certificates = example();
  net::TlsPeer peer = verified("CN=old-client", {"spiffe://example.org/worker"});
  peer.verified = false;
  EXPECT_EQ(certificates->identify(&peer), nullptr);
  EXPECT_EQ(certificates->identify(nullptr), nullptr);
}

TEST(ClientCertificates, NamesCountInTheirOwnPlaceOnly) {
  const auto certificates = example();
  EXPECT_EQ(subject_of(*certificates, verified("CN=gate.example.org")), "");
  EXPECT_EQ(subject_of(*certificates, verified("CN=x", {"gate.example.org"})), "");
  EXPECT_EQ(subject_of(*certificates, verified("CN=x", {}, {"old-client"})), "");
  EXPECT_EQ(subject_of(*certificates, verified("CN=x", {"spiffe://example.org/worker/"})), "");
  EXPECT_EQ(subject_of(*certificates, verified("CN=x", {"spiffe://EXAMPLE.org/worker"})), "");
  EXPECT_EQ(subject_of(*certificates, verified("CN=x", {}, {"*.example.org"})), "");
}

TEST(ClientCertificates, TwoRulesAreNone) {
  const auto certificates = example();
  EXPECT_EQ(subject_of(*certificates,
                       verified("CN=x", {"spiffe://example.org/worker"}, {"worker.example.org"})),
            "");
  EXPECT_EQ(
      subject_of(*certificates, verified("CN=x", {}, {"worker.example.org", "WORKER.example.org"})),
      "worker-by-dns");
}

TEST(ClientCertificates, CommonNamesThatMightBeMisread) {
  EXPECT_EQ(common_name("CN=a,O=b"), "a");
  EXPECT_EQ(common_name("O=b,CN=a"), "a");
  for (const char* bad : {"", "O=b", "CN=", "CN=a,CN=b", "O=x\\,CN=a", "O=\"x,CN=a\"", "O=b+CN=a",
                          "CN=#0403666f6f", "UCN=a"}) {
    EXPECT_EQ(common_name(bad), std::nullopt) << bad;
  }
}

TEST(ClientCertificates, RulesThatMakeNoSense) {
  const auto certificates = example();
  std::vector<CertificateRule> rules(1);
  EXPECT_FALSE(certificates->replace(rules).ok());
  rules[0].name = "x";
  EXPECT_FALSE(certificates->replace(rules).ok());
  rules[0].subject = "s";
  rules.push_back(rules[0]);
  EXPECT_FALSE(certificates->replace(rules).ok());
  EXPECT_EQ(subject_of(*certificates, verified("CN=old-client")), "old");
  rules.pop_back();
  EXPECT_TRUE(certificates->replace(rules).ok());
  EXPECT_EQ(subject_of(*certificates, verified("CN=old-client")), "");
}

}  // namespace
}  // namespace kit::credentials
