// SPDX-License-Identifier: Apache-2.0
// The token says which key it is to be verified with: RFC 8725 sections 2.6 and 3.10,
// CVE-2018-0114.
#include "forger.hpp"

namespace attacks {
namespace {

/// Signed with the attacker's key, with a header that leads to it.
std::string own(const Forger& f, std::string_view more) {
  return Forger::signed_by(f.own_key(), f.header(more), f.claims());
}

/// An HMAC with a secret that the id is hoped to lead to.
std::string by_id(const Forger& f, std::string_view id, std::string_view secret = {}) {
  return Forger::hmac_by(secret, f.header_with("\"HS256\"", id), f.claims());
}
std::string genuine_by_id(const Forger& f, std::string_view id) {
  const std::string alg = '"' + std::string(name(f.algorithm())) + '"';
  return f.genuine(f.header_with(alg, id), f.claims());
}

}  // namespace

std::vector<Attack> attacks_on_keys() {
  const std::string_view signature = "TOKEN_SIGNATURE";
  const std::string_view unknown = "TOKEN_KEY_UNKNOWN";
  return {
      {"own_key", [](const Forger& f) { return own(f, ""); }, signature},
      {"own_key_in_jwk", [](const Forger& f) { return own(f, "\"jwk\":" + f.own_jwk()); },
       signature},
      {"own_key_behind_jku",
       [](const Forger& f) { return own(f, "\"jku\":\"https://evil.example/jwks.json\""); },
       signature},
      {"own_key_behind_jku_on_this_host",
       [](const Forger& f) { return own(f, "\"jku\":\"http://127.0.0.1/.well-known/jwks.json\""); },
       signature},
      {"own_key_behind_x5u",
       [](const Forger& f) { return own(f, "\"x5u\":\"https://evil.example/chain.pem\""); },
       signature},
      {"own_key_in_x5c",
       [](const Forger& f) { return own(f, "\"x5c\":[\"MIIBszCCAVmgAwIBAgIU\"]"); }, signature},
      {"own_key_with_x5t",
       [](const Forger& f) { return own(f, "\"x5t\":\"dGh1bWI\",\"x5t#S256\":\"dGh1bWI\""); },
       signature},
      {"own_key_in_jwk_under_its_own_id",
       [](const Forger& f) {
         const std::string alg = '"' + std::string(name(f.algorithm())) + '"';
         return Forger::signed_by(
             f.own_key(), f.header_with(alg, "\"mine\"", "\"jwk\":" + f.own_jwk()), f.claims());
       },
       unknown},
      {"kid_unknown", [](const Forger& f) { return genuine_by_id(f, "\"k3\""); }, unknown},
      {"kid_in_other_letters", [](const Forger& f) { return genuine_by_id(f, "\"K1\""); }, unknown},
      {"kid_missing_where_there_are_two", [](const Forger& f) { return genuine_by_id(f, ""); },
       unknown},
      {"kid_of_another_key", [](const Forger& f) { return genuine_by_id(f, "\"k2\""); }, signature},
      {"kid_empty", [](const Forger& f) { return genuine_by_id(f, "\"\""); }, unknown},
      {"kid_of_64_letters",
       [](const Forger& f) { return genuine_by_id(f, '"' + std::string(64, 'k') + '"'); }, unknown},
      {"kid_of_65_letters",
       [](const Forger& f) { return genuine_by_id(f, '"' + std::string(65, 'k') + '"'); }, unknown},
      {"kid_a_file", [](const Forger& f) { return by_id(f, "\"../../../../../../dev/null\""); },
       unknown},
      {"kid_a_file_with_known_content",
       [](const Forger& f) { return by_id(f, "\"/proc/sys/kernel/randomize_va_space\"", "2\n"); },
       unknown},
      {"kid_sql",
       [](const Forger& f) { return by_id(f, "\"x' UNION SELECT 'secret';-- \"", "secret"); },
       unknown},
      {"kid_a_command", [](const Forger& f) { return by_id(f, "\"k1|id\""); }, unknown},
      {"kid_an_address",
       [](const Forger& f) { return by_id(f, "\"http://169.254.169.254/latest\""); }, unknown},
      {"kid_with_a_zero_behind", [](const Forger& f) { return genuine_by_id(f, "\"k1\\u0000\""); },
       unknown},
      {"kid_with_a_line_end", [](const Forger& f) { return genuine_by_id(f, "\"k1\\n\""); },
       unknown},
      {"kid_a_number", [](const Forger& f) { return genuine_by_id(f, "1"); }, "TOKEN_MALFORMED"},
      {"kid_null", [](const Forger& f) { return genuine_by_id(f, "null"); }, "TOKEN_MALFORMED"},
      {"kid_a_list", [](const Forger& f) { return genuine_by_id(f, "[\"k1\",\"k2\"]"); },
       "TOKEN_MALFORMED"},
  };
}

}  // namespace attacks
