// SPDX-License-Identifier: Apache-2.0
// Headers that two readers understand in two ways, or that ask for what is not understood.
#include "forger.hpp"

namespace attacks {
namespace {

std::string genuine(const Forger& f, std::string_view header) {
  return f.genuine(header, f.claims());
}
std::string with(const Forger& f, std::string_view more) {
  return genuine(f, f.header(more));
}
std::string alg_of(const Forger& f) {
  return '"' + std::string(name(f.algorithm())) + '"';
}

}  // namespace

std::vector<Attack> attacks_on_headers() {
  const std::string_view malformed = "TOKEN_MALFORMED";
  const std::string_view critical = "TOKEN_CRITICAL";
  return {
      {"alg_twice_none_first",
       [](const Forger& f) {
         return genuine(f, R"({"alg":"none","alg":)" + alg_of(f) + R"(,"kid":"k1"})");
       },
       malformed},
      {"alg_twice_none_last",
       [](const Forger& f) {
         return genuine(f, R"({"alg":)" + alg_of(f) + R"(,"kid":"k1","alg":"none"})");
       },
       malformed},
      {"alg_twice_once_escaped", [](const Forger& f) { return with(f, R"("\u0061lg":"none")"); },
       malformed},
      {"kid_twice", [](const Forger& f) { return with(f, R"("kid":"k2")"); }, malformed},
      {"header_a_list", [](const Forger& f) { return genuine(f, "[" + f.header() + "]"); },
       malformed},
      {"header_a_string", [](const Forger& f) { return genuine(f, "\"ES256\""); }, malformed},
      {"header_null", [](const Forger& f) { return genuine(f, "null"); }, malformed},
      {"header_cut_off",
       [](const Forger& f) {
         std::string header = f.header();
         header.pop_back();
         return genuine(f, header);
       },
       malformed},
      {"header_twice", [](const Forger& f) { return genuine(f, f.header() + f.header()); },
       malformed},
      {"header_with_something_behind", [](const Forger& f) { return genuine(f, f.header() + "x"); },
       malformed},
      {"header_with_a_byte_order_mark",
       [](const Forger& f) { return genuine(f, "\xEF\xBB\xBF" + f.header()); }, malformed},
      {"header_in_single_quotes",
       [](const Forger& f) { return genuine(f, "{'alg':'HS256','kid':'k1'}"); }, malformed},
      {"header_with_a_comment", [](const Forger& f) { return genuine(f, "/**/" + f.header()); },
       malformed},
      {"header_no_utf8", [](const Forger& f) { return with(f, "\"x\":\"\xFF\""); }, malformed},
      {"header_a_lone_surrogate", [](const Forger& f) { return with(f, R"("x":"\ud800")"); },
       malformed},
      {"header_too_deep",
       [](const Forger& f) {
         return with(f, "\"x\":" + std::string(100, '[') + std::string(100, ']'));
       },
       malformed},
      {"crit_unknown", [](const Forger& f) { return with(f, R"("crit":["exp"],"exp":1)"); },
       critical},
      {"crit_empty", [](const Forger& f) { return with(f, R"("crit":[])"); }, critical},
      {"crit_a_string", [](const Forger& f) { return with(f, R"("crit":"exp")"); }, critical},
      {"crit_null", [](const Forger& f) { return with(f, R"("crit":null)"); }, critical},
      {"crit_names_alg", [](const Forger& f) { return with(f, R"("crit":["alg"])"); }, critical},
      {"payload_not_encoded",
       [](const Forger& f) { return with(f, R"("crit":["b64"],"b64":false)"); }, critical},
      {"payload_not_encoded_and_not_critical",
       [](const Forger& f) { return with(f, R"("b64":false)"); }, critical},
      {"typ_of_another_use",
       [](const Forger& f) {
         return genuine(f, R"({"typ":"logout+jwt","kid":"k1","alg":)" + alg_of(f) + "}");
       },
       "TOKEN_TYPE"},
      {"typ_a_number",
       [](const Forger& f) {
         return genuine(f, R"({"typ":1,"kid":"k1","alg":)" + alg_of(f) + "}");
       },
       malformed},
  };
}

}  // namespace attacks
