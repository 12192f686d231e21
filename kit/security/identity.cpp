// SPDX-License-Identifier: Apache-2.0
#include "kit/security/identity.hpp"

#include "kit/security/fingerprint.hpp"

namespace kit::security {
namespace {

const char identity_key = 0;

}  // namespace

void Identity::seal() {
  kind_key = &identity_key;
  subject_fingerprint = fingerprint(subject);
  // A token and a subject of one name are two.
  token_fingerprint = token_id.empty() ? 0 : fingerprint("\x1F" + token_id);
}

const Identity* Identity::of(const Caller& caller) {
  return caller.kind_key == &identity_key ? static_cast<const Identity*>(&caller) : nullptr;
}

bool Identity::find_claim(json::Reader& reader, std::string_view wanted) {
  if (!reader.begin_object()) return false;
  while (const auto name = reader.next_key()) {
    if (*name == wanted) return true;
  }
  return false;
}

Error Identity::claim_error(std::string_view wanted, const std::string& problem) {
  return Error(Code::invalid_argument, "the claim '" + std::string(wanted) + "' " + problem)
      .with_reason("TOKEN_CLAIM");
}

}  // namespace kit::security
