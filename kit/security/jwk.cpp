// SPDX-License-Identifier: Apache-2.0
// Reading JSON Web Keys (RFC 7517, 7518 section 6, 8037).
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/json/reader.hpp"
#include "kit/security/detail/key_material.hpp"
#include "kit/security/key_set.hpp"

namespace kit::security {
namespace {

using detail::Bignum;
using detail::bytes_of;

constexpr std::array<std::string_view, 7> private_members = {"d",  "p",  "q",  "dp",
                                                             "dq", "qi", "oth"};
constexpr std::size_t p256_bytes = 32;
constexpr std::size_t ed25519_key_bytes = 32;

Error key_error(std::string reason, std::string message) {
  return Error(Code::invalid_argument, std::move(message)).with_reason(std::move(reason));
}

/// The members of a JWK that say something to us; strings only.
struct Jwk {
  std::map<std::string, std::string, std::less<>> members;
  bool has_key_ops = false;
  bool may_verify = false;  ///< `key_ops` has "verify".
  bool is_private = false;

  std::string_view text(std::string_view name) const {
    const auto found = members.find(name);
    return found == members.end() ? std::string_view() : std::string_view(found->second);
  }
  /// What a key left out or refused is called in messages.
  std::string shown() const {
    const std::string_view id = text("kid");
    return is_key_id(id) ? "the key '" + std::string(id) + "'" : "a key";
  }
};

bool read_operations(json::Reader& reader, Jwk& jwk) {
  jwk.has_key_ops = true;
  if (!reader.begin_array()) return false;
  while (reader.next_element()) {
    const auto operation = reader.try_string();
    if (!operation) return false;
    if (*operation == "verify") jwk.may_verify = true;
  }
  return true;
}

Result<Jwk> read_jwk(json::Reader& reader) {
  static constexpr std::array<std::string_view, 10> wanted = {"kty", "alg", "use", "kid", "crv",
                                                              "x",   "y",   "n",   "e",   "k"};
  Jwk jwk;
  if (!reader.begin_object()) return key_error("KEY_SET_INVALID", "a key (JWK) must be an object");
  while (const auto name = reader.next_key()) {
    if (std::ranges::find(private_members, *name) != private_members.end()) jwk.is_private = true;
    if (*name == "key_ops") {
      if (!read_operations(reader, jwk))
        return key_error("KEY_MALFORMED", "'key_ops' of a key must be a list of strings");
      continue;
    }
    if (std::ranges::find(wanted, *name) == wanted.end()) continue;
    const std::string member(*name);
    const auto text = reader.try_string();
    if (!text) return key_error("KEY_MALFORMED", "'" + member + "' of a key must be a string");
    jwk.members.emplace(member, *text);
  }
  if (reader.failed()) return reader.error();
  if (jwk.text("kty") == "oct") jwk.is_private = true;
  return jwk;
}

/// Why a key is none to verify signatures with; empty: it is one.
std::string unsuitable(const Jwk& jwk, std::optional<Algorithm> algorithm) {
  const std::string_view use = jwk.text("use");
  if (!use.empty() && use != "sig") return "is not for signatures";
  if (jwk.has_key_ops && !jwk.may_verify) return "is not for verifying";
  if (!algorithm) return "is of a kind that is not supported";
  const bool has_algorithm = jwk.members.contains("alg");
  if (has_algorithm && parse_algorithm(jwk.text("alg")) != algorithm)
    return "is for an algorithm that is not supported, or that does not fit its kind";
  return {};
}

/// What the kind of a key leaves open, which is nothing.
std::optional<Algorithm> algorithm_of(const Jwk& jwk) {
  const std::string_view kind = jwk.text("kty");
  if (kind == "oct") return Algorithm::hs256;
  if (kind == "RSA") return Algorithm::rs256;
  if (kind == "EC" && jwk.text("crv") == "P-256") return Algorithm::es256;
  if (kind == "OKP" && jwk.text("crv") == "Ed25519") return Algorithm::eddsa;
  return std::nullopt;
}

Result<std::string> bytes(const Jwk& jwk, std::string_view member, std::size_t wanted = 0) {
  std::optional<std::string> decoded = base64url_decode(jwk.text(member));
  if (!decoded || decoded->empty() || (wanted != 0 && decoded->size() != wanted)) {
    return key_error("KEY_MALFORMED", "'" + std::string(member) + "' of " + jwk.shown() +
                                          " is missing, is no base64url, or has another length "
                                          "than its kind has");
  }
  return *std::move(decoded);
}

using Key = detail::PrivateOrPublicKey;

Result<Key> built(const char* type, const detail::ParameterBuilder& builder, const Jwk& jwk) {
  const detail::ErrorsCleared cleared;
  const detail::Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const detail::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return key_error("KEY_MALFORMED", jwk.shown() + " is no point of its curve, or no RSA key");
  return Key(key);
}

Result<Key> rsa_key(const Jwk& jwk) {
  Result<std::string> modulus = bytes(jwk, "n");
  if (!modulus) return std::move(modulus).error();
  Result<std::string> exponent = bytes(jwk, "e");
  if (!exponent) return std::move(exponent).error();
  if (modulus->size() > max_rsa_bits / 8 + 1 || exponent->size() > 9)
    return key_error("KEY_WEAK", jwk.shown() + " has a modulus or an exponent that is too long");
  const Bignum n(BN_bin2bn(bytes_of(*modulus), static_cast<int>(modulus->size()), nullptr));
  const Bignum e(BN_bin2bn(bytes_of(*exponent), static_cast<int>(exponent->size()), nullptr));
  const detail::ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return key_error("KEY_MALFORMED", jwk.shown() + " is no RSA key");
  return built("RSA", builder, jwk);
}

Result<Key> ec_key(const Jwk& jwk) {
  Result<std::string> x = bytes(jwk, "x", p256_bytes);
  if (!x) return std::move(x).error();
  Result<std::string> y = bytes(jwk, "y", p256_bytes);
  if (!y) return std::move(y).error();
  const std::string point = "\x04" + *x + *y;
  const detail::ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return key_error("KEY_MALFORMED", jwk.shown() + " is no EC key");
  return built("EC", builder, jwk);
}

Result<Key> ed25519_key(const Jwk& jwk) {
  Result<std::string> x = bytes(jwk, "x", ed25519_key_bytes);
  if (!x) return std::move(x).error();
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size()));
  if (!key) return key_error("KEY_MALFORMED", jwk.shown() + " is no Ed25519 key");
  return key;
}

Result<detail::Material> material_of(const Jwk& jwk, Algorithm algorithm) {
  std::string id(jwk.text("kid"));
  if (jwk.members.contains("kid") && !is_key_id(id)) {
    return key_error("KEY_ID_INVALID",
                     "the id of a key must be 1 to 64 letters, digits, '_' or '-' (kid)");
  }
  if (algorithm == Algorithm::hs256) {
    std::optional<std::string> secret = base64url_decode(jwk.text("k"));
    if (!secret) return key_error("KEY_MALFORMED", "'k' of " + jwk.shown() + " is no base64url");
    return detail::material_from_secret(*secret, std::move(id));
  }
  Result<Key> key = algorithm == Algorithm::rs256   ? rsa_key(jwk)
                    : algorithm == Algorithm::es256 ? ec_key(jwk)
                                                    : ed25519_key(jwk);
  if (!key) return std::move(key).error();
  return detail::material_from_key(*std::move(key), std::move(id));
}

struct Reading {
  KeySource source;
  std::vector<std::string>* left_out;
  std::vector<VerificationKey> keys;
  std::size_t seen = 0;
};

void leave_out(Reading& reading, std::string why) {
  if (reading.left_out != nullptr) reading.left_out->push_back(std::move(why));
}

Result<> add_key(Reading& reading, const Jwk& jwk) {
  if (++reading.seen > max_keys)
    return key_error("KEY_SET_INVALID",
                     "a key set has more than " + std::to_string(max_keys) + " keys");
  if (jwk.is_private && reading.source == KeySource::network) {
    return key_error("KEY_PRIVATE", jwk.shown() +
                                        " of the issuer's key set is a secret or a private key: "
                                        "everybody can read it, so it proves nothing");
  }
  const std::optional<Algorithm> algorithm = algorithm_of(jwk);
  if (std::string why = unsuitable(jwk, algorithm); !why.empty()) {
    leave_out(reading, jwk.shown() + " " + why);
    return {};
  }
  if (jwk.is_private && algorithm != Algorithm::hs256)
    return key_error("KEY_PRIVATE", jwk.shown() + " is a private key; write the public one");
  Result<detail::Material> material = material_of(jwk, *algorithm);
  if (material) {
    reading.keys.emplace_back(*std::move(material));
    return {};
  }
  // One bad key of many is no reason to refuse everybody (RFC 7517 section 5).
  if (reading.source == KeySource::file) return std::move(material).error();
  leave_out(reading, material.error().message());
  return {};
}

Result<> read_keys(json::Reader& reader, Reading& reading) {
  if (!reader.begin_array()) return key_error("KEY_SET_INVALID", "'keys' must be a list of keys");
  while (reader.next_element()) {
    Result<Jwk> jwk = read_jwk(reader);
    if (!jwk) return std::move(jwk).error();
    KIT_TRY(add_key(reading, *jwk));
  }
  return {};
}

/// Whether it is a set, or a key alone; false too when it is no object.
bool is_set(std::string_view json) {
  json::Reader reader(json);
  if (!reader.begin_object()) return false;
  while (const auto name = reader.next_key()) {
    if (*name == "keys") return true;
  }
  return false;
}

Result<> read_all(std::string_view json, Reading& reading) {
  json::Reader reader(json);
  if (!is_set(json)) {
    Result<Jwk> jwk = read_jwk(reader);
    if (!jwk) return std::move(jwk).error();
    KIT_TRY(add_key(reading, *jwk));
  } else {
    reader.begin_object();
    while (const auto name = reader.next_key()) {
      if (*name == "keys") KIT_TRY(read_keys(reader, reading));
    }
  }
  if (!reader.finish()) return reader.error();
  return {};
}

}  // namespace

Result<KeySet> parse_jwks(std::string_view json, KeySource source,
                          std::vector<std::string>* left_out) {
  if (json.size() > max_key_set_bytes)
    return key_error("KEY_SET_INVALID", "a key set has more than 256 KiB");
  Reading reading{source, left_out, {}};
  if (Result<> read = read_all(json, reading); !read) {
    Error why = std::move(read).error();
    if (!why.reason().empty()) return why;
    return Error(Code::invalid_argument, "the key set is no JSON that can be read")
        .with_reason("KEY_SET_INVALID")
        .with_cause(std::move(why));
  }
  return KeySet::of(std::move(reading.keys));
}

}  // namespace kit::security
