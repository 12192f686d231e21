// SPDX-License-Identifier: Apache-2.0
// Tokens with a good signature that are old, for somebody else, or not what they seem.
#include "forger.hpp"
#include "kit/base/text.hpp"

namespace attacks {
namespace {

std::string with(const Forger& f, std::string_view claim, std::string_view value) {
  return f.genuine(f.header(), f.claims(claim, value));
}
std::string payload(const Forger& f, std::string_view text) {
  return f.genuine(f.header(), text);
}

/// As another issuer writes them.
std::string without_version(std::string_view subject) {
  return R"({"iss":"https://id.example","aud":"store","iat":1772625540,"exp":1772625900,"sub":")" +
         std::string(subject) + "\"}";
}

/// An honest token whose payload was changed afterwards.
std::string changed(const Forger& f, std::string_view claims) {
  const Forger::Parts p = f.parts();
  return p.header + '.' + kit::base64url_encode(claims) + '.' + p.signature;
}

std::vector<Attack> on_times() {
  const std::string_view claim = "TOKEN_CLAIM";
  return {
      {"expired", [](const Forger& f) { return with(f, "exp", "1772625000"); }, "TOKEN_EXPIRED"},
      {"expired_just_past_the_leeway", [](const Forger& f) { return with(f, "exp", "1772625570"); },
       "TOKEN_EXPIRED"},
      {"expired_in_1970", [](const Forger& f) { return with(f, "exp", "0"); }, "TOKEN_EXPIRED"},
      {"exp_missing", [](const Forger& f) { return with(f, "exp", ""); }, claim},
      {"exp_null", [](const Forger& f) { return with(f, "exp", "null"); }, claim},
      {"exp_a_string", [](const Forger& f) { return with(f, "exp", "\"1772625900\""); }, claim},
      {"exp_true", [](const Forger& f) { return with(f, "exp", "true"); }, claim},
      {"exp_negative", [](const Forger& f) { return with(f, "exp", "-1"); }, claim},
      {"exp_past_64_bits", [](const Forger& f) { return with(f, "exp", "18446744073709551616"); },
       claim},
      {"exp_whose_microseconds_overflow",
       [](const Forger& f) { return with(f, "exp", "9223372036855"); }, claim},
      {"exp_infinite", [](const Forger& f) { return with(f, "exp", "1e999"); }, claim},
      {"exp_in_milliseconds", [](const Forger& f) { return with(f, "exp", "1772625900000"); },
       claim},
      {"exp_twice",
       [](const Forger& f) {
         std::string text = f.claims("exp", "1");
         text.insert(text.size() - 1, ",\"exp\":1772625900");
         return payload(f, text);
       },
       "TOKEN_MALFORMED"},
      {"not_yet_valid", [](const Forger& f) { return with(f, "nbf", "1772625631"); },
       "TOKEN_NOT_YET_VALID"},
      {"nbf_a_string", [](const Forger& f) { return with(f, "nbf", "\"0\""); }, claim},
      {"issued_in_the_future", [](const Forger& f) { return with(f, "iat", "1772625631"); },
       "TOKEN_NOT_YET_VALID"},
  };
}

std::vector<Attack> on_parties() {
  const std::string_view issuer = "TOKEN_ISSUER";
  const std::string_view audience = "TOKEN_AUDIENCE";
  const std::string_view claim = "TOKEN_CLAIM";
  return {
      {"iss_of_another", [](const Forger& f) { return with(f, "iss", "\"https://evil.example\""); },
       issuer},
      {"iss_missing", [](const Forger& f) { return with(f, "iss", ""); }, issuer},
      {"iss_longer", [](const Forger& f) { return with(f, "iss", "\"https://id.example.evil\""); },
       issuer},
      {"iss_with_a_slash",
       [](const Forger& f) { return with(f, "iss", "\"https://id.example/\""); }, issuer},
      {"iss_with_a_zero",
       [](const Forger& f) { return with(f, "iss", "\"https://id.example\\u0000\""); }, issuer},
      {"iss_a_list", [](const Forger& f) { return with(f, "iss", "[\"https://id.example\"]"); },
       claim},
      {"aud_of_another", [](const Forger& f) { return with(f, "aud", "\"bank\""); }, audience},
      {"aud_missing", [](const Forger& f) { return with(f, "aud", ""); }, audience},
      {"aud_empty", [](const Forger& f) { return with(f, "aud", "[]"); }, audience},
      {"aud_longer", [](const Forger& f) { return with(f, "aud", "\"store2\""); }, audience},
      {"aud_in_words", [](const Forger& f) { return with(f, "aud", "\"bank store\""); }, audience},
      {"aud_an_object", [](const Forger& f) { return with(f, "aud", "{\"store\":1}"); }, claim},
      {"aud_with_a_number", [](const Forger& f) { return with(f, "aud", "[\"store\",1]"); }, claim},
      {"sub_missing", [](const Forger& f) { return with(f, "sub", ""); }, claim},
      {"sub_empty", [](const Forger& f) { return with(f, "sub", "\"\""); }, claim},
      {"sub_null", [](const Forger& f) { return with(f, "sub", "null"); }, claim},
      {"sub_a_number", [](const Forger& f) { return with(f, "sub", "1"); }, claim},
      {"sub_with_a_line_end", [](const Forger& f) { return with(f, "sub", "\"ann\\nroot\""); },
       claim},
      {"sub_of_256_letters",
       [](const Forger& f) { return with(f, "sub", '"' + std::string(256, 'a') + '"'); }, claim},
      {"sub_twice",
       [](const Forger& f) {
         std::string text = f.claims();
         text.insert(text.size() - 1, R"(,"sub":"root")");
         return payload(f, text);
       },
       "TOKEN_MALFORMED"},
      {"of_a_disabled_subject", [](const Forger& f) { return f.honest_of("disabled"); },
       "TOKEN_REVOKED"},
      {"of_an_earlier_version", [](const Forger& f) { return f.honest_of("moved"); },
       "TOKEN_REVOKED"},
      {"from_before_everything_was_revoked",
       [](const Forger& f) { return f.genuine(f.header(), without_version("stolen")); },
       "TOKEN_REVOKED"},
      {"after_logging_out", [](const Forger& f) { return with(f, "jti", "\"left\""); },
       "TOKEN_REVOKED"},
      {"version_a_string", [](const Forger& f) { return with(f, "tv", "\"9\""); }, claim},
      {"version_past_the_largest",
       [](const Forger& f) { return with(f, "tv", "9223372036854775807"); }, claim},
  };
}

std::vector<Attack> on_payloads() {
  const std::string_view malformed = "TOKEN_MALFORMED";
  const std::string_view signature = "TOKEN_SIGNATURE";
  return {
      {"payload_changed", [](const Forger& f) { return changed(f, f.claims("sub", "\"root\"")); },
       signature},
      {"payload_with_one_more_claim",
       [](const Forger& f) { return changed(f, f.claims("roles", "[\"admin\"]")); }, signature},
      {"header_changed",
       [](const Forger& f) {
         const Forger::Parts p = f.parts();
         return kit::base64url_encode(f.header("\"x\":1")) + '.' + p.payload + '.' + p.signature;
       },
       signature},
      {"signature_of_another_token",
       [](const Forger& f) {
         const std::string other = f.honest_of("root");
         return f.parts().header + '.' + f.parts().payload + other.substr(other.rfind('.'));
       },
       signature},
      {"header_and_payload_swapped",
       [](const Forger& f) {
         const Forger::Parts p = f.parts();
         return p.payload + '.' + p.header + '.' + p.signature;
       },
       malformed},
      {"payload_a_list", [](const Forger& f) { return payload(f, "[" + f.claims() + "]"); },
       malformed},
      {"payload_a_token_again", [](const Forger& f) { return payload(f, f.honest()); }, malformed},
      {"payload_empty", [](const Forger& f) { return payload(f, ""); }, malformed},
      {"payload_cut_off",
       [](const Forger& f) {
         std::string text = f.claims();
         text.pop_back();
         return payload(f, text);
       },
       malformed},
      {"payload_no_utf8", [](const Forger& f) { return with(f, "x", "\"\xC0\xAF\""); }, malformed},
  };
}

}  // namespace

std::vector<Attack> attacks_on_claims() {
  std::vector<Attack> all = on_times();
  for (const Attack& attack : on_parties()) all.push_back(attack);
  for (const Attack& attack : on_payloads()) all.push_back(attack);
  return all;
}

}  // namespace attacks
