// SPDX-License-Identifier: Apache-2.0
#include "kit/security/key_set.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace kit::security {
namespace {

Error set_error(std::string message) {
  return Error(Code::invalid_argument, std::move(message)).with_reason("KEY_SET_INVALID");
}

bool is_secret(const VerificationKey& key) {
  return key.algorithm() == Algorithm::hs256;
}

}  // namespace

Result<KeySet> KeySet::of(std::vector<VerificationKey> keys) {
  if (keys.empty()) return set_error("a set of keys has no key that tokens can be verified with");
  if (keys.size() > max_keys)
    return set_error("a set of keys has more than " + std::to_string(max_keys) + " keys");
  std::ranges::sort(keys, {}, &VerificationKey::id);
  const auto twice = std::ranges::adjacent_find(keys, {}, &VerificationKey::id);
  if (twice != keys.end()) {
    return set_error(twice->id().empty()
                         ? "two keys of a set have no id (kid): which one is meant, nobody can say"
                         : "two keys of a set have the id '" + twice->id() + "'");
  }
  const auto secrets = std::ranges::count_if(keys, is_secret);
  if (secrets != 0 && static_cast<std::size_t>(secrets) != keys.size())
    return set_error("secrets (HS256) and public keys do not belong in one set of keys");
  return KeySet(std::move(keys));
}

const VerificationKey* KeySet::find(std::optional<std::string_view> id) const {
  if (keys_.size() == 1 && (!id || keys_[0].id().empty())) return &keys_[0];
  // Sorted: one without an id comes first.
  const auto found = std::ranges::lower_bound(keys_, id.value_or(""), {}, &VerificationKey::id);
  return found != keys_.end() && found->id() == id.value_or("") ? &*found : nullptr;
}

bool KeySet::same_as(const KeySet& other) const {
  return std::ranges::equal(keys_, other.keys_, &VerificationKey::same_as);
}

Result<KeySet> read_key_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(max_key_set_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (!file.is_open())) {
    return Error(Code::not_found, "the key file '" + path + "' cannot be read")
        .with_reason("KEY_FILE_MISSING");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.find("-----BEGIN ") == std::string::npos) return parse_jwks(text, KeySource::file);
  Result<VerificationKey> key = VerificationKey::from_pem(text);
  if (!key) return std::move(key).error();
  std::vector<VerificationKey> keys;
  keys.push_back(*std::move(key));
  return KeySet::of(std::move(keys));
}

}  // namespace kit::security
