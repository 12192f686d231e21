// SPDX-License-Identifier: Apache-2.0
#include "kit/app/reload.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "kit/base/join.hpp"
#include "kit/log/levels.hpp"
#include "kit/log/log.hpp"

namespace kit::app {
namespace {

log::Module app_log{"app"};

constexpr std::string_view tls_prefix = "http.tls.";
constexpr std::array<std::string_view, 4> live_keys{"app.drain_interval", "app.drain_timeout",
                                                    "log.level", "log.levels"};
constexpr std::array<std::string_view, 5> live_sections{"auth.", "rate_limit.", "shedding.",
                                                        "breaker.", "tracing."};

/// Of those sections.
constexpr std::array<std::string_view, 4> fixed_keys{"auth.certificates", "rate_limit.shared",
                                                     "tracing.endpoint", "tracing.gzip"};

bool is_live(std::string_view key) {
  if (std::ranges::find(fixed_keys, key) != fixed_keys.end()) return false;
  return std::ranges::find(live_keys, key) != live_keys.end() ||
         std::ranges::any_of(live_sections,
                             [key](std::string_view section) { return key.starts_with(section); });
}

/// Whether all modules are known, and may be so quiet.
Result<> check_log_levels(const Settings::Log& settings) {
  for (const auto& [module, level] : settings.levels) {
    auto fits = log::check_level(module, *log::parse_level(level));
    if (!fits) return Error(Code::invalid_argument, "log.levels: " + fits.error().message());
  }
  return {};
}

}  // namespace

Differences differences(const LoadedSettings& before, const LoadedSettings& after) {
  Differences found;
  // A listener is encrypted or not from its beginning.
  const bool tls_is_live = before.settings.http.tls.is_on() && after.settings.http.tls.is_on();
  for (const auto& [key, value] : after.values) {
    const auto old = before.values.find(key);
    if (old != before.values.end() && old->second.reveal() == value.reveal()) continue;
    const bool live = is_live(key) || (tls_is_live && key.starts_with(tls_prefix));
    (live ? found.live : found.need_restart).push_back(key);
  }
  return found;
}

Result<> apply_log_levels(const Settings::Log& settings) {
  KIT_TRY(check_log_levels(settings));
  const std::vector<log::ModuleState> modules = log::module_states();
  log::set_level(settings.level);
  for (const log::ModuleState& module : modules) {
    const auto own = settings.levels.find(std::string(module.name));
    const log::Level usual =
        module.is_audit ? std::min(settings.level, log::Level::info) : settings.level;
    if (own != settings.levels.end()) {
      KIT_TRY(log::set_level(module.name, *log::parse_level(own->second)));
    } else if (module.usual != usual) {
      // One that had a level of its own before follows the others again.
      KIT_TRY(log::set_level(module.name, usual));
    }
  }
  return {};
}

Result<std::shared_ptr<const net::TlsContext>> make_tls(const Settings::Tls& settings,
                                                        const net::TlsContext* before) {
  if (!settings.is_on()) return std::shared_ptr<const net::TlsContext>();
  net::TlsServerOptions options;
  options.certificates.push_back({.certificate = settings.certificate, .key = settings.key});
  for (const auto& [certificate, key] : settings.more) {
    options.certificates.push_back({.certificate = certificate, .key = key});
  }
  options.client_ca = settings.client_ca;
  options.client_auth = settings.client_auth;
  options.min_version = settings.min_version;
  options.application_protocols = {"h2", "http/1.1"};
  auto made = net::TlsContext::make_server(options, before);
  if (!made) {
    std::string reason = made.error().reason();
    return Error(Code::invalid_argument, "http.tls: " + made.error().message())
        .with_reason(std::move(reason));
  }
  for (const std::string& warning : (*made)->warnings()) {
    log::warn(app_log, "a certificate expires soon", {{"what", warning}});
  }
  return made;
}

Result<> reload(LoadedSettings& current, LoadAgain& load, net::TlsStore* tls,
                FunctionRef<Result<>(const Settings&)> apply_bundle) {
  Result<LoadedSettings> loaded = load();
  if (!loaded) return std::move(loaded).error();
  const Settings& fresh = loaded->settings;
  const Differences found = differences(current, *loaded);
  std::shared_ptr<const net::TlsContext> context;
  if (tls != nullptr && fresh.http.tls.is_on()) {
    const auto before = tls->current();
    auto made = make_tls(fresh.http.tls, before.get());
    if (!made) return std::move(made).error();
    context = std::move(*made);
  }
  KIT_TRY(check_log_levels(fresh.log));
  if (current.settings.middleware.auth.is_on() && !fresh.middleware.auth.is_on()) {
    // A slip in a file must not open the door.
    return Error(Code::invalid_argument,
                 "auth.secret and auth.keys are both empty: tokens are not switched off while the "
                 "program runs, only by a restart");
  }
  KIT_TRY(apply_bundle(fresh));
  KIT_TRY(apply_log_levels(fresh.log));
  current.settings.middleware = fresh.middleware;
  if (context) tls->replace(std::move(context));
  current.settings.log.level = fresh.log.level;
  current.settings.log.levels = fresh.log.levels;
  current.settings.app.drain_interval = fresh.app.drain_interval;
  current.settings.app.drain_timeout = fresh.app.drain_timeout;
  if (tls != nullptr && fresh.http.tls.is_on()) current.settings.http.tls = fresh.http.tls;
  for (const std::string& key : found.live) current.values[key] = loaded->values[key];
  if (!found.need_restart.empty()) {
    log::warn(app_log, "changed settings need a restart",
              {{"keys", join(found.need_restart, ", ")}});
  }
  log::info(app_log, "configuration read again", {{"changed", join(found.live, ", ")}});
  return {};
}

}  // namespace kit::app
