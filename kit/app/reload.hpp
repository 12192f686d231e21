// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kit/app/settings.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"
#include "kit/net/tls.hpp"

namespace kit::app {

/// Reads all layers again, in the same places.
using LoadAgain = Function<Result<LoadedSettings>()>;

/// Keys whose values differ, by whether a running program can take them over.
struct Differences {
  std::vector<std::string> live;
  std::vector<std::string> need_restart;
};
Differences differences(const LoadedSettings& before, const LoadedSettings& after);

/// Sets the levels of all modules. Fails with `not_found` for a module that there is not; then
/// nothing has changed.
Result<> apply_log_levels(const Settings::Log& settings);

/// Certificates and keys as the settings have them, read now; null without TLS. `before`: what they
/// will replace. Fails like `TlsContext::make_server`, with the setting named.
Result<std::shared_ptr<const net::TlsContext>> make_tls(const Settings::Tls& settings,
                                                        const net::TlsContext* before);

/// Takes over what has changed and can be, certificates always; says in the log what needs a
/// restart. `current` is what the program goes by, and has the new values of the former afterwards.
/// `apply_bundle` takes over `Settings::middleware`, or fails and leaves everything as it was.
/// Fails, and then nothing has changed, when a setting or a certificate is bad.
Result<> reload(LoadedSettings& current, LoadAgain& load, net::TlsStore* tls,
                FunctionRef<Result<>(const Settings&)> apply_bundle);

}  // namespace kit::app
