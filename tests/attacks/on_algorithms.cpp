// SPDX-License-Identifier: Apache-2.0
// The token says how it is to be verified: RFC 8725 section 2.1, CVE-2015-9235 and their kind.
#include "forger.hpp"
#include "kit/base/base64.hpp"

namespace attacks {
namespace {

bool is_public(Algorithm algorithm) {
  return algorithm != Algorithm::hs256;
}
bool is_rsa(Algorithm algorithm) {
  return algorithm == Algorithm::rs256;
}

std::string der_of(std::string_view pem) {
  std::string text;
  for (const char c : pem.substr(pem.find('\n'))) {
    if (c == '-') break;
    if (c != '\n') text += c;
  }
  return kit::base64_decode(text).value();
}

std::string hs256(const Forger& f) {
  return f.header_with("\"HS256\"", "\"k1\"");
}

template <const char* Alg>
std::string claims_algorithm(const Forger& f) {
  return f.genuine(f.header_with(Alg, "\"k1\""), f.claims());
}
template <const char* Alg>
std::string without_signature(const Forger& f) {
  return Forger::unsigned_of(f.header_with(Alg, "\"k1\""), f.claims());
}

constexpr char none[] = "\"none\"";
constexpr char none_mixed[] = "\"nOnE\"";
constexpr char none_upper[] = "\"NONE\"";
constexpr char none_blank[] = "\"none \"";
constexpr char empty[] = "\"\"";
constexpr char null[] = "null";
constexpr char list[] = "[\"ES256\",\"HS256\",\"RS256\",\"EdDSA\"]";
constexpr char number[] = "256";
constexpr char truth[] = "true";
constexpr char hs384[] = "\"HS384\"";
constexpr char hs512[] = "\"HS512\"";
constexpr char ps256[] = "\"PS256\"";
constexpr char rs512[] = "\"RS512\"";
constexpr char rs1[] = "\"RS1\"";
constexpr char es384[] = "\"ES384\"";
constexpr char es256k[] = "\"ES256K\"";
constexpr char direct[] = "\"dir\"";

}  // namespace

std::vector<Attack> attacks_on_algorithms() {
  const std::string_view refused = "TOKEN_ALGORITHM";
  const std::string_view malformed = "TOKEN_MALFORMED";
  return {
      {"alg_none", without_signature<none>, refused},
      {"alg_none_mixed_case", without_signature<none_mixed>, refused},
      {"alg_none_upper_case", without_signature<none_upper>, refused},
      {"alg_none_with_a_blank", without_signature<none_blank>, refused},
      {"alg_none_with_a_good_signature", claims_algorithm<none>, refused},
      {"alg_none_with_rubbish_for_a_signature",
       [](const Forger& f) {
         return Forger::unsigned_of(f.header_with(none, "\"k1\""), f.claims(), "rubbish");
       },
       refused},
      {"alg_none_without_kid",
       [](const Forger& f) { return Forger::unsigned_of(f.header_with(none, ""), f.claims()); },
       refused},
      {"alg_empty", claims_algorithm<empty>, refused},
      {"alg_missing",
       [](const Forger& f) { return f.genuine(f.header_with("", "\"k1\""), f.claims()); },
       malformed},
      {"alg_null", claims_algorithm<null>, malformed},
      {"alg_list", claims_algorithm<list>, malformed},
      {"alg_number", claims_algorithm<number>, malformed},
      {"alg_true", claims_algorithm<truth>, malformed},
      {"alg_lower_case",
       [](const Forger& f) {
         std::string alg(name(f.algorithm()));
         alg[0] = static_cast<char>(alg[0] + ('a' - 'A'));
         return f.genuine(f.header_with('"' + alg + '"', "\"k1\""), f.claims());
       },
       refused},
      {"alg_with_a_zero_behind",
       [](const Forger& f) {
         const std::string alg = '"' + std::string(name(f.algorithm())) + "\\u0000\"";
         return f.genuine(f.header_with(alg, "\"k1\""), f.claims());
       },
       refused},
      {"alg_hs384", claims_algorithm<hs384>, refused},
      {"alg_hs512", claims_algorithm<hs512>, refused},
      {"alg_ps256", claims_algorithm<ps256>, refused},
      {"alg_rs512", claims_algorithm<rs512>, refused, is_rsa},
      {"alg_rs1", claims_algorithm<rs1>, refused, is_rsa},
      {"alg_es384", claims_algorithm<es384>, refused},
      {"alg_es256k", claims_algorithm<es256k>, refused},
      {"alg_of_encryption", claims_algorithm<direct>, refused},
      {"hmac_with_the_public_pem",
       [](const Forger& f) { return Forger::hmac_by(f.public_pem(), hs256(f), f.claims()); },
       refused, is_public},
      {"hmac_with_the_public_pem_without_line_end",
       [](const Forger& f) {
         std::string pem = f.public_pem();
         pem.pop_back();
         return Forger::hmac_by(pem, hs256(f), f.claims());
       },
       refused, is_public},
      {"hmac_with_the_public_der",
       [](const Forger& f) {
         return Forger::hmac_by(der_of(f.public_pem()), hs256(f), f.claims());
       },
       refused, is_public},
      {"hmac_with_the_public_jwk",
       [](const Forger& f) { return Forger::hmac_by(f.public_jwk(), hs256(f), f.claims()); },
       refused, is_public},
      {"hmac_with_an_empty_secret",
       [](const Forger& f) { return Forger::hmac_by("", hs256(f), f.claims()); },
       "TOKEN_ALGORITHM|TOKEN_SIGNATURE"},
      {"hmac_with_the_kid",
       [](const Forger& f) { return Forger::hmac_by("k1", hs256(f), f.claims()); },
       "TOKEN_ALGORITHM|TOKEN_SIGNATURE"},
      {"hmac_with_a_well_known_secret",
       [](const Forger& f) { return Forger::hmac_by("your-256-bit-secret", hs256(f), f.claims()); },
       "TOKEN_ALGORITHM|TOKEN_SIGNATURE"},
      {"own_key_of_another_algorithm",
       [](const Forger& f) {
         const std::string alg = '"' + std::string(name(f.other_key().algorithm())) + '"';
         return Forger::signed_by(f.other_key(), f.header_with(alg, "\"k1\""), f.claims());
       },
       refused},
      {"own_key_of_another_algorithm_under_the_right_name",
       [](const Forger& f) { return Forger::signed_by(f.other_key(), f.header(), f.claims()); },
       "TOKEN_SIGNATURE"},
  };
}

}  // namespace attacks
