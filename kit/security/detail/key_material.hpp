// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kit/base/result.hpp"
#include "kit/security/algorithm.hpp"
#include "kit/security/detail/openssl.hpp"

namespace kit::security::detail {

/// A key of either use. `key` is null for HS256, whose secret is wiped when it goes.
struct KeyMaterial {
  KeyMaterial() = default;
  ~KeyMaterial() { OPENSSL_cleanse(secret.data(), secret.size()); }
  KeyMaterial(const KeyMaterial&) = delete;
  KeyMaterial& operator=(const KeyMaterial&) = delete;

  Algorithm algorithm = Algorithm::hs256;
  std::string id;
  std::string secret;
  PrivateOrPublicKey key;
};

using Material = std::shared_ptr<const KeyMaterial>;

Result<Material> material_from_secret(std::string_view secret, std::string id);
/// Checks what the key is and what it is good for. Takes `key`.
Result<Material> material_from_key(PrivateOrPublicKey key, std::string id);

bool verifies(const KeyMaterial& key, std::string_view message, std::string_view signature);
Result<std::string> sign(const KeyMaterial& key, std::string_view message);

/// Empties OpenSSL's list of errors of this thread, so that nobody else finds ours.
struct ErrorsCleared {
  ErrorsCleared() = default;
  ~ErrorsCleared() { ERR_clear_error(); }
  ErrorsCleared(const ErrorsCleared&) = delete;
  ErrorsCleared& operator=(const ErrorsCleared&) = delete;
};

}  // namespace kit::security::detail
