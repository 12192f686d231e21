// SPDX-License-Identifier: Apache-2.0
#include "kit/security/key_set.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace kit::security {
namespace {

Error set_error(std::string message) {
  return Error(Code::invalid_argument, std::move(message)).with_reason("KEY_SET_INVALID");
}

struct FileText {
  std::string text;
  bool is_private = false;  ///< Nobody but its owner may read it.
};

Result<FileText> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  struct stat status{};
  if (!file.is_open() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error(Code::not_found, "the key file '" + path + "' cannot be read")
        .with_reason("KEY_FILE_MISSING");
  }
  FileText read;
  read.is_private = (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  read.text.resize(max_key_set_bytes + 1);
  file.read(read.text.data(), static_cast<std::streamsize>(read.text.size()));
  read.text.resize(static_cast<std::size_t>(file.gcount()));
  return read;
}

Error readable(const std::string& path) {
  return Error(Code::invalid_argument,
               "others than its owner may read the key file '" + path + "': chmod 600 " + path)
      .with_reason("KEY_READABLE");
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
  Result<FileText> file = read_file(path);
  if (!file) return std::move(file).error();
  if (file->text.find("-----BEGIN ") == std::string::npos) {
    Result<KeySet> keys = parse_jwks(file->text, KeySource::file);
    if (keys && is_secret(keys->keys()[0]) && !file->is_private) return readable(path);
    return keys;
  }
  Result<VerificationKey> key = VerificationKey::from_pem(file->text);
  if (!key) return std::move(key).error();
  std::vector<VerificationKey> keys;
  keys.push_back(*std::move(key));
  return KeySet::of(std::move(keys));
}

Result<SigningKey> read_signing_key(const std::string& path, std::string id) {
  Result<FileText> file = read_file(path);
  if (!file) return std::move(file).error();
  if (!file->is_private) return readable(path);
  return SigningKey::from_pem(file->text, std::move(id));
}

}  // namespace kit::security
