// SPDX-License-Identifier: Apache-2.0
// The vectors of project Wycheproof for JWS and JWK, as they are published.
#include "wycheproof.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>

#include "kit/base/text.hpp"
#include "kit/json/value.hpp"
#include "kit/security/detail/key_material.hpp"
#include "kit/security/jws.hpp"

namespace attacks {
namespace {

using kit::json::Value;
using namespace kit::security;

std::string text_of(const Value& value) {
  const std::string* const text = value.string();
  return text != nullptr ? *text : std::string();
}

/// The keys of a group: a set or one alone.
std::vector<const Value*> keys_of(const Value& key) {
  std::vector<const Value*> keys;
  if (const Value::Array* const set = key["keys"].array()) {
    for (const Value& each : *set) keys.push_back(&each);
  } else {
    keys.push_back(&key);
  }
  return keys;
}

/// Algorithms of signatures that are registered and not ours, under the names that the vectors use.
constexpr std::array<std::string_view, 13> other_algorithms = {
    "HS384", "HS512", "RS384", "RS512",  "PS256", "PS384", "PS512",
    "ES384", "ES512", "ES521", "ES256K", "Ed448", "ES224"};

/// Why a vector says nothing about us, whatever its result is: all its keys are for something that
/// is left out on purpose.
std::optional<std::string> unsupported(const Value& key) {
  for (const Value* each : keys_of(key)) {
    const std::string alg = text_of((*each)["alg"]);
    if (std::ranges::find(other_algorithms, alg) == other_algorithms.end()) return std::nullopt;
    // A curve that does not fit its algorithm has to be refused by everybody.
    if (text_of((*each)["crv"]) == "P-256") return std::nullopt;
  }
  return "signed with " + text_of((*keys_of(key)[0])["alg"]) + ", which is not supported";
}

/// Why a valid vector is refused, where that is meant to be so.
std::optional<std::string> refused_on_purpose(const Value& key, std::string_view token) {
  for (const Value* each : keys_of(key)) {
    const std::string id = text_of((*each)["kid"]);
    if (!id.empty() && !is_key_id(id))
      return "the id of the key has other characters than [A-Za-z0-9_-]";
  }
  const bool has_other = std::ranges::any_of(token, [](char c) {
    return c != '.' && !kit::base64url_decode(std::string(3, 'A') + c).has_value();
  });
  if (has_other) return "a character outside base64url (RFC 7515 section 2: none is allowed)";
  return std::nullopt;
}

/// The secret of 32 zeros, which some vectors are made with, is refused as a key, and rightly.
/// Their encodings are tried all the same, below that check.
std::optional<KeySet> key_of_zeros(const Value& key) {
  const auto secret = kit::base64url_decode(text_of(key["k"]));
  if (!secret || *secret != std::string(min_secret_bytes, '\0')) return std::nullopt;
  auto material = std::make_shared<detail::KeyMaterial>();
  material->id = text_of(key["kid"]);
  material->secret = *secret;
  std::vector<VerificationKey> keys;
  keys.emplace_back(std::move(material));
  return KeySet::of(std::move(keys)).value();
}

bool takes(const Value& key, std::string_view token) {
  kit::Result<KeySet> keys = parse_jwks(key.to_text(), KeySource::file);
  if (!keys && keys.error().reason() == "SECRET_WEAK") {
    if (auto weak = key_of_zeros(key)) keys = *std::move(weak);
  }
  if (!keys) return false;
  const kit::Result<Jws> jws = parse_jws(token);
  return jws && verify_jws(*jws, *keys);
}

/// Two vectors of the published file are, letter for letter, a third one with the other result.
bool is_contradicted(const Value& group, const Value& test) {
  return std::ranges::any_of(*group["tests"].array(), [&](const Value& other) {
    return other["jws"] == test["jws"] && other["result"] != test["result"];
  });
}

void run_vector(const std::string& place, const Value& group, const Value& test, Defect defect,
                Vectors& vectors) {
  const Value& key = group.find("public") != nullptr ? group["public"] : group["private"];
  ++vectors.seen;
  const std::string* const jws = test["jws"].string();
  if (test.find("jwe") != nullptr) {
    ++vectors.not_applicable["encryption (JWE), which is not supported"];
    return;
  }
  if (text_of(test["result"]) == "invalid" && is_contradicted(group, test)) {
    ++vectors.not_applicable["the same token is valid in another vector of its group"];
    return;
  }
  const std::string token = jws != nullptr ? *jws : test["jws"].to_text();
  const bool is_valid = text_of(test["result"]) == "valid";
  const bool is_taken = judged(defect, token, takes(key, token));
  const std::string shown =
      place + " " + std::to_string(*test["tcId"].int64()) + " " + text_of(test["comment"]);
  if (is_taken && !is_valid) {
    vectors.failures.push_back(shown + ": accepted wrongly");
  } else if (is_taken) {
    ++vectors.valid_taken;
  } else if (const auto why = unsupported(key)) {
    ++vectors.not_applicable[*why];
  } else if (!is_valid) {
    ++vectors.invalid_refused;
  } else if (const auto meant = refused_on_purpose(key, token)) {
    ++vectors.not_applicable[*meant];
  } else {
    vectors.failures.push_back(shown + ": valid, but refused");
  }
}

}  // namespace

void run_vectors(const std::string& path, Defect defect, Vectors& vectors) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto read = Value::parse(text);
  const Value::Array* const groups = read ? (*read)["testGroups"].array() : nullptr;
  if (groups == nullptr) {
    vectors.failures.push_back(path + ": no vectors in it");
    return;
  }
  const int before = vectors.seen;
  for (const Value& group : *groups) {
    for (const Value& test : *group["tests"].array()) {
      run_vector(path.substr(path.rfind('/') + 1), group, test, defect, vectors);
    }
  }
  if (vectors.seen - before != *(*read)["numberOfTests"].int64())
    vectors.failures.push_back(path + ": other vectors than it says");
}

}  // namespace attacks
