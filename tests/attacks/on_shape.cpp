// SPDX-License-Identifier: Apache-2.0
// Texts that are almost a token: what one reader takes for it and another does not.
#include "forger.hpp"
#include "kit/base/base64.hpp"
#include "kit/base/text.hpp"

namespace attacks {
namespace {

using Parts = Forger::Parts;

std::string put(const Parts& p) {
  return p.header + '.' + p.payload + '.' + p.signature;
}

/// The last digit of a part with bits that mean nothing set, or nothing when it has none.
std::string with_unused_bit(std::string part) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (part.size() % 4 == 0) return part + "A";  // a digit that brings no byte
  part.back() = digits[digits.find(part.back()) ^ 1U];
  return part;
}

/// In the alphabet of RFC 4648 section 4, with its padding.
std::string in_base64(const std::string& part) {
  return kit::base64_encode(kit::base64url_decode(part).value());
}

std::string long_token(const Forger& f, std::size_t size) {
  return f.genuine(f.header(), f.claims("x", '"' + std::string(size, 'x') + '"'));
}

}  // namespace

std::vector<Attack> attacks_on_shape() {
  const std::string_view malformed = "TOKEN_MALFORMED";
  return {
      {"nothing", [](const Forger&) { return std::string(); }, malformed},
      {"dots_alone", [](const Forger&) { return std::string(".."); }, malformed},
      {"one_part", [](const Forger& f) { return f.parts().header; }, malformed},
      {"without_signature_and_its_dot",
       [](const Forger& f) { return f.parts().header + '.' + f.parts().payload; }, malformed},
      {"without_signature",
       [](const Forger& f) { return f.parts().header + '.' + f.parts().payload + '.'; },
       "TOKEN_SIGNATURE"},
      {"without_payload",
       [](const Forger& f) { return f.parts().header + ".." + f.parts().signature; },
       "TOKEN_SIGNATURE"},
      {"without_header",
       [](const Forger& f) { return '.' + f.parts().payload + '.' + f.parts().signature; },
       malformed},
      {"four_parts", [](const Forger& f) { return f.honest() + "."; }, malformed},
      {"five_parts_as_if_encrypted", [](const Forger& f) { return f.honest() + ".AA.AA"; },
       malformed},
      {"signed_twice", [](const Forger& f) { return f.honest() + '.' + f.parts().signature; },
       malformed},
      {"a_blank_before", [](const Forger& f) { return " " + f.honest(); }, malformed},
      {"a_blank_behind", [](const Forger& f) { return f.honest() + " "; }, malformed},
      {"a_line_end_behind", [](const Forger& f) { return f.honest() + "\n"; }, malformed},
      {"a_zero_behind", [](const Forger& f) { return f.honest() + '\0'; }, malformed},
      {"a_line_end_inside",
       [](const Forger& f) { return f.honest().insert(f.parts().header.size() + 5, "\r\n"); },
       malformed},
      {"with_the_name_of_the_scheme", [](const Forger& f) { return "Bearer " + f.honest(); },
       malformed},
      {"in_quotes", [](const Forger& f) { return '"' + f.honest() + '"'; }, malformed},
      {"percent_encoded_dots",
       [](const Forger& f) {
         return f.parts().header + "%2E" + f.parts().payload + "%2E" + f.parts().signature;
       },
       malformed},
      {"padding_behind_the_header",
       [](const Forger& f) {
         Parts p = f.parts();
         p.header += '=';
         return put(p);
       },
       malformed},
      {"padding_behind_the_signature", [](const Forger& f) { return f.honest() + "=="; },
       malformed},
      {"payload_in_base64",
       [](const Forger& f) {
         Parts p = f.parts();
         p.payload = in_base64(p.payload) + "=";
         return put(p);
       },
       malformed},
      {"unused_bits_in_the_signature",
       [](const Forger& f) {
         Parts p = f.parts();
         p.signature = with_unused_bit(p.signature);
         return put(p);
       },
       malformed},
      {"unused_bits_in_the_payload",
       [](const Forger& f) {
         Parts p = f.parts();
         p.payload = with_unused_bit(p.payload);
         return put(p);
       },
       malformed},
      {"a_letter_of_another_alphabet",
       [](const Forger& f) { return f.honest().replace(3, 1, "\xC3\xA9"); }, malformed},
      {"json_serialization",
       [](const Forger& f) {
         const Parts p = f.parts();
         return R"({"payload":")" + p.payload + R"(","signatures":[{"protected":")" + p.header +
                R"(","signature":")" + p.signature + R"("}]})";
       },
       malformed},
      {"flattened_json_serialization",
       [](const Forger& f) {
         const Parts p = f.parts();
         return R"({"payload":")" + p.payload + R"(","protected":")" + p.header +
                R"(","signature":")" + p.signature + R"("})";
       },
       malformed},
      {"longer_than_8_KiB", [](const Forger& f) { return long_token(f, 6'200); },
       "TOKEN_TOO_LARGE"},
      {"longer_than_1_MiB", [](const Forger& f) { return long_token(f, 1'000'000); },
       "TOKEN_TOO_LARGE"},
      {"a_megabyte_of_dots", [](const Forger&) { return std::string(1'000'000, '.'); },
       "TOKEN_TOO_LARGE"},
  };
}

}  // namespace attacks
