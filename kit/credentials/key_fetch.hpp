// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kit/base/result.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/message.hpp"
#include "kit/security/remote_keys.hpp"

namespace kit::credentials {

struct KeyFetchOptions {
  /// Addresses with http too, where everybody on the way can change the keys: for a test, or a
  /// proxy of one's own on this host.
  bool allow_http = false;
};

/// What a client needs to be asked with: no redirect is followed, no more is read than a key set
/// may have.
http::SendOptions key_fetch_limits();

/// Fetches key sets from an address for `security::RemoteKeys`, by `client.handler(
/// key_fetch_limits())`; `RemoteKeys::run` is on that client's loop. An answer other than 200 and
/// one that is too large fail. Fails with `invalid_argument`, KEY_URL_INVALID, when `url` is none
/// that is allowed.
Result<security::FetchKeys> fetch_keys_from(http::Handler send, std::string url,
                                            KeyFetchOptions options = {});

/// The same for an OpenID provider: asks each time where its keys are (`parse_discovery`), for that
/// may change as the keys do.
Result<security::FetchKeys> fetch_keys_of_issuer(http::Handler send, std::string issuer,
                                                 KeyFetchOptions options = {});

}  // namespace kit::credentials
