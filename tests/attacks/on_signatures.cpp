// SPDX-License-Identifier: Apache-2.0
// Signatures made without the key: CVE-2022-21449 (zeros), encodings, lengths, equivalents.
#include <algorithm>
#include <array>

#include "forger.hpp"

namespace attacks {
namespace {

bool is_ec(Algorithm algorithm) {
  return algorithm == Algorithm::es256;
}
bool is_ed(Algorithm algorithm) {
  return algorithm == Algorithm::eddsa;
}

constexpr std::string_view order_of_p256(
    "\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
    "\xBC\xE6\xFA\xAD\xA7\x17\x9E\x84\xF3\xB9\xCA\xC2\xFC\x63\x25\x51",
    32);
/// Little endian, as Ed25519 writes numbers.
constexpr std::string_view order_of_ed25519(
    "\xED\xD3\xF5\x5C\x1A\x63\x12\x58\xD6\x9C\xF7\xA2\xDE\xF9\xDE\x14"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10",
    32);

std::string zeros(std::size_t count) {
  return std::string(count, '\0');
}
std::string one() {
  return zeros(31) + '\x01';
}

std::string der_integer(std::string_view number) {
  std::string text(number);
  text.erase(0, std::min(text.find_first_not_of('\0'), text.size() - 1));
  if ((text[0] & 0x80) != 0) text.insert(0, 1, '\0');
  return std::string("\x02") + static_cast<char>(text.size()) + text;
}

/// The honest r and s as other protocols write them.
std::string der(const Forger& f) {
  const std::string raw = f.signature();
  const std::string inner = der_integer(std::string_view(raw).substr(0, 32)) +
                            der_integer(std::string_view(raw).substr(32));
  return std::string("\x30") + static_cast<char>(inner.size()) + inner;
}

/// The same signature with s + L for s, which is equal to it modulo L (RFC 8032 section 5.1.7).
std::string with_larger_s(std::string signature) {
  unsigned carry = 0;
  for (std::size_t i = 0; i < order_of_ed25519.size(); ++i) {
    carry += static_cast<unsigned char>(signature[32 + i]);
    carry += static_cast<unsigned char>(order_of_ed25519[i]);
    signature[32 + i] = static_cast<char>(carry & 0xFF);
    carry >>= 8;
  }
  return signature;
}

/// Of whatever the honest length is.
template <char Byte>
std::string all(const Forger& f) {
  return f.with_signature(std::string(f.signature().size(), Byte));
}

}  // namespace

std::vector<Attack> attacks_on_signatures() {
  const std::string_view wrong = "TOKEN_SIGNATURE";
  return {
      {"signature_all_zeros", all<'\0'>, wrong},
      {"signature_all_ones", all<'\xFF'>, wrong},
      {"signature_cut_by_one",
       [](const Forger& f) {
         std::string bytes = f.signature();
         bytes.pop_back();
         return f.with_signature(bytes);
       },
       wrong},
      {"signature_of_one_byte",
       [](const Forger& f) { return f.with_signature(f.signature().substr(0, 1)); }, wrong},
      {"signature_longer_by_a_zero",
       [](const Forger& f) { return f.with_signature(f.signature() + '\0'); }, wrong},
      {"signature_longer_by_a_zero_before",
       [](const Forger& f) { return f.with_signature('\0' + f.signature()); }, wrong},
      {"signature_twice",
       [](const Forger& f) { return f.with_signature(f.signature() + f.signature()); }, wrong},
      {"signature_backwards",
       [](const Forger& f) {
         std::string bytes = f.signature();
         std::ranges::reverse(bytes);
         return f.with_signature(bytes);
       },
       wrong},
      {"first_bit_flipped",
       [](const Forger& f) {
         std::string bytes = f.signature();
         bytes.front() = static_cast<char>(bytes.front() ^ 0x80);
         return f.with_signature(bytes);
       },
       wrong},
      {"last_bit_flipped",
       [](const Forger& f) {
         std::string bytes = f.signature();
         bytes.back() = static_cast<char>(bytes.back() ^ 1);
         return f.with_signature(bytes);
       },
       wrong},
      {"ecdsa_in_der", [](const Forger& f) { return f.with_signature(der(f)); }, wrong, is_ec},
      {"ecdsa_r_zero_s_zero", [](const Forger& f) { return f.with_signature(zeros(64)); }, wrong,
       is_ec},
      {"ecdsa_r_zero_s_one", [](const Forger& f) { return f.with_signature(zeros(32) + one()); },
       wrong, is_ec},
      {"ecdsa_r_one_s_zero", [](const Forger& f) { return f.with_signature(one() + zeros(32)); },
       wrong, is_ec},
      {"ecdsa_r_is_the_order",
       [](const Forger& f) {
         return f.with_signature(std::string(order_of_p256) + f.signature().substr(32));
       },
       wrong, is_ec},
      {"ecdsa_s_is_the_order",
       [](const Forger& f) {
         return f.with_signature(f.signature().substr(0, 32) + std::string(order_of_p256));
       },
       wrong, is_ec},
      {"ecdsa_r_and_s_swapped",
       [](const Forger& f) {
         const std::string raw = f.signature();
         return f.with_signature(raw.substr(32) + raw.substr(0, 32));
       },
       wrong, is_ec},
      {"ecdsa_of_the_size_of_p384",
       [](const Forger& f) {
         const std::string raw = f.signature();
         return f.with_signature(zeros(16) + raw.substr(0, 32) + zeros(16) + raw.substr(32));
       },
       wrong, is_ec},
      {"ed25519_s_not_reduced",
       [](const Forger& f) { return f.with_signature(with_larger_s(f.signature())); }, wrong,
       is_ed},
      {"ed25519_of_the_neutral_point",
       [](const Forger& f) { return f.with_signature('\x01' + zeros(63)); }, wrong, is_ed},
  };
}

}  // namespace attacks
