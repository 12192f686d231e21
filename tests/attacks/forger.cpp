// SPDX-License-Identifier: Apache-2.0
#include "forger.hpp"

#include "hmac.hpp"
#include "kit/base/text.hpp"
#include "kit/security/jws.hpp"
#include "kit/security/key_set.hpp"

namespace attacks {
namespace {

using namespace kit::security;
using namespace std::chrono_literals;

Algorithm other_than(Algorithm algorithm) {
  return algorithm == Algorithm::es256 ? Algorithm::eddsa : Algorithm::es256;
}

std::string jwk(const SigningKey& key) {
  const std::string set = public_jwks({key.verification_key()});
  const std::size_t begin = set.find('[') + 1;
  return set.substr(begin, set.rfind(']') - begin);
}

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

}  // namespace

Timestamp now() {
  return Timestamp::parse("2026-03-04T12:00:00Z").value();
}

Forger::Forger(Algorithm algorithm)
    : key_(SigningKey::generate(algorithm, "k1")),
      second_(SigningKey::generate(algorithm, "k2")),
      own_(SigningKey::generate(algorithm, "k1")),
      other_(SigningKey::generate(other_than(algorithm), "k1")) {
  auto keys = KeySet::of({key_.verification_key(), second_.verification_key()});
  auto store = std::make_shared<KeyStore>(*std::move(keys));
  JwtOptions options;
  options.issuer = "https://id.example";
  options.audiences = {"store"};
  verifier_ = JwtVerifier::make(std::move(store), std::move(options), &revocations_).value();
  revocations_.set_subject("disabled", {.disabled = true}, now());
  revocations_.set_subject("moved", {.min_token_version = 2}, now());
  revocations_.set_subject("stolen", {.issued_from = now()}, now());
  revocations_.revoke_token("left", Timestamp{now().since_epoch + 10min}, now());
}

std::string Forger::header(std::string_view more) const {
  return header_with(quoted(name(algorithm())), "\"k1\"", more);
}

std::string Forger::header_with(std::string_view alg, std::string_view kid,
                                std::string_view more) const {
  std::string text = "{\"typ\":\"JWT\"";
  if (!alg.empty()) text.append(",\"alg\":").append(alg);
  if (!kid.empty()) text.append(",\"kid\":").append(kid);
  if (!more.empty()) text.append(",").append(more);
  return text + "}";
}

std::string Forger::claims(std::string_view name, std::string_view value) const {
  const std::pair<std::string_view, std::string_view> good[] = {{"iss", "\"https://id.example\""},
                                                                {"aud", "\"store\""},
                                                                {"sub", "\"ann\""},
                                                                {"iat", "1772625540"},
                                                                {"exp", "1772625900"},
                                                                {"jti", "\"t1\""},
                                                                {"tv", "1"},
                                                                {"scope", "\"read\""}};
  std::string text = "{";
  bool is_known = name.empty();
  const auto add = [&](std::string_view member, std::string_view what) {
    if (what.empty()) return;
    if (text.size() > 1) text += ',';
    text.append("\"").append(member).append("\":").append(what);
  };
  for (const auto& [member, what] : good) {
    if (member == name) is_known = true;
    add(member, member == name ? value : what);
  }
  if (!is_known) add(name, value);
  return text + "}";
}

std::string Forger::honest_of(std::string_view subject) const {
  return genuine(header(), claims("sub", quoted(subject)));
}

std::string Forger::signed_by(const SigningKey& key, std::string_view header,
                              std::string_view claims) {
  const std::string text = kit::base64url_encode(header) + '.' + kit::base64url_encode(claims);
  return text + '.' + kit::base64url_encode(key.sign(text).value());
}

std::string Forger::unsigned_of(std::string_view header, std::string_view claims,
                                std::string_view signature) {
  return kit::base64url_encode(header) + '.' + kit::base64url_encode(claims) + '.' +
         kit::base64url_encode(signature);
}

std::string Forger::hmac_by(std::string_view secret, std::string_view header,
                            std::string_view claims) {
  const std::string text = kit::base64url_encode(header) + '.' + kit::base64url_encode(claims);
  return text + '.' + kit::base64url_encode(hmac_sha256(secret, text));
}

std::string Forger::public_pem() const {
  return key_.public_pem();
}

std::string Forger::public_jwk() const {
  return jwk(key_);
}

std::string Forger::own_jwk() const {
  return jwk(own_.algorithm() == Algorithm::hs256 ? other_ : own_);
}

Forger::Parts Forger::parts() const {
  const std::string token = honest();
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  return {token.substr(0, first), token.substr(first + 1, second - first - 1),
          token.substr(second + 1)};
}

std::string Forger::signature() const {
  return kit::base64url_decode(parts().signature).value();
}

std::string Forger::with_signature(std::string_view bytes) const {
  const Parts good = parts();
  return good.header + '.' + good.payload + '.' + kit::base64url_encode(bytes);
}

}  // namespace attacks
