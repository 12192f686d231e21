// SPDX-License-Identifier: Apache-2.0
#include "kit/app/reload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "kit/log/capture.hpp"
#include "kit/log/levels.hpp"
#include "kit/log/log.hpp"

namespace kit::app {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

log::Module one{"reload_one"};
log::Module two{"reload_two"};

const auto keep = [](const Settings&) -> Result<> { return {}; };

Result<LoadedSettings> load(std::vector<std::pair<std::string, std::string>> settings) {
  CommandLine line;
  line.config_folder = "/nowhere/at/all";
  line.settings = std::move(settings);
  return load_settings(line, "store", {});
}

TEST(Differences, TellsWhatCanChangeWhileRunning) {
  const LoadedSettings before = *load({});
  EXPECT_THAT(differences(before, *load({})).live, IsEmpty());
  EXPECT_THAT(differences(before, *load({})).need_restart, IsEmpty());
  const Differences found = differences(
      before, *load({{"log.level", "debug"}, {"app.drain_interval", "7s"}, {"http.port", "9999"}}));
  EXPECT_THAT(found.live, ElementsAre("app.drain_interval", "log.level"));
  EXPECT_THAT(found.need_restart, ElementsAre("http.port"));
}

TEST(Differences, TlsChangesButDoesNotBegin) {
  const LoadedSettings plain = *load({});
  const LoadedSettings tls = *load({{"http.tls.certificate", "a.pem"}, {"http.tls.key", "a.key"}});
  const LoadedSettings other =
      *load({{"http.tls.certificate", "b.pem"}, {"http.tls.key", "b.key"}});
  EXPECT_THAT(differences(plain, tls).live, IsEmpty());
  EXPECT_THAT(differences(plain, tls).need_restart,
              ElementsAre("http.tls.certificate", "http.tls.key"));
  EXPECT_THAT(differences(tls, other).live, ElementsAre("http.tls.certificate", "http.tls.key"));
  EXPECT_THAT(differences(tls, plain).live, IsEmpty());
}

TEST(Differences, SecretsAreComparedAndNotShown) {
  const auto with = [](const char* password) {
    return *load({{"database.url", std::string("postgresql://kit:") + password + "@db/shop"},
                  {"cache.url", std::string("redis://:") + password + "@cache/"}});
  };
  const LoadedSettings before = with("hunter1");
  EXPECT_THAT(differences(before, with("hunter1")).need_restart, IsEmpty());
  const Differences found = differences(before, with("hunter2"));
  EXPECT_THAT(found.live, IsEmpty());
  EXPECT_THAT(found.need_restart, ElementsAre("cache.url", "database.url"));
  EXPECT_THAT(differences(before, *load({})).need_restart,
              ElementsAre("cache.url", "database.url"));
  EXPECT_THAT(with("hunter2").dump, testing::Not(HasSubstr("hunter")));
}

TEST(Differences, AnAddressInAFileIsReadAgain) {
  const std::string path = testing::TempDir() + "reload_test_url";
  const auto with = [&path](const char* url) {
    std::ofstream(path) << url;
    return *load({{"database.url_file", path}});
  };
  const LoadedSettings before = with("postgresql://kit:hunter1@db/shop");
  const LoadedSettings after = with("postgresql://kit:hunter2@db/shop");
  EXPECT_THAT(differences(before, after).need_restart, ElementsAre("database.url"));
  EXPECT_THAT(after.dump, testing::Not(HasSubstr("hunter")));
  std::filesystem::remove(path);
}

TEST(Reload, NamesAChangedSecretAndShowsNeither) {
  LoadedSettings current = *load({{"database.url", "postgresql://kit:hunter1@db/shop"}});
  LoadAgain again = [] { return load({{"database.url", "postgresql://kit:hunter2@db/shop"}}); };
  log::Capture captured;
  ASSERT_TRUE(reload(current, again, nullptr, keep));
  EXPECT_EQ(current.settings.database.url.reveal(), "postgresql://kit:hunter1@db/shop");
  EXPECT_TRUE(captured.contains("database.url"));
  EXPECT_FALSE(captured.contains("hunter"));
}

TEST(LogLevels, FollowTheSettings) {
  Settings::Log settings;
  settings.level = log::Level::warn;
  settings.levels = {{"reload_one", "debug"}};
  ASSERT_TRUE(apply_log_levels(settings));
  EXPECT_EQ(one.level(), log::Level::debug);
  EXPECT_EQ(two.level(), log::Level::warn);
  settings.levels = {{"reload_two", "error"}};
  ASSERT_TRUE(apply_log_levels(settings));
  EXPECT_EQ(one.level(), log::Level::warn);  // its own level is gone
  EXPECT_EQ(two.level(), log::Level::error);
  const auto audit = [] {
    const std::vector<log::ModuleState> all = log::module_states();
    return std::ranges::find(all, "audit", &log::ModuleState::name)->level;
  };
  settings.levels = {{"audit", "debug"}};
  ASSERT_TRUE(apply_log_levels(settings));
  EXPECT_EQ(audit(), log::Level::debug);
  settings.levels = {};
  ASSERT_TRUE(apply_log_levels(settings));
  EXPECT_EQ(audit(), log::Level::info) << "never as quiet as the others";
  settings.level = log::Level::trace;
  settings.levels = {{"reload_tow", "error"}};
  const Result<> refused = apply_log_levels(settings);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("reload_two"));
  EXPECT_EQ(one.level(), log::Level::warn);
  settings.level = log::Level::info;
  settings.levels = {};
  ASSERT_TRUE(apply_log_levels(settings));
}

TEST(Reload, TakesOverWhatItCan) {
  LoadedSettings current = *load({{"http.port", "1000"}});
  LoadAgain again = [] {
    return load({{"http.port", "2000"}, {"app.drain_timeout", "9s"}, {"log.level", "warn"}});
  };
  ASSERT_TRUE(reload(current, again, nullptr, keep));
  EXPECT_EQ(current.settings.app.drain_timeout, milliseconds{9000});
  EXPECT_EQ(current.settings.http.port, 1000);
  EXPECT_EQ(one.level(), log::Level::warn);
  // What needs a restart is said again the next time; what was taken over is not.
  const Differences left = differences(current, *again());
  EXPECT_THAT(left.live, IsEmpty());
  EXPECT_THAT(left.need_restart, ElementsAre("http.port"));
  LoadAgain back = [] { return load({}); };
  ASSERT_TRUE(reload(current, back, nullptr, keep));
  EXPECT_EQ(one.level(), log::Level::info);
}

TEST(Reload, ABadSettingChangesNothing) {
  LoadedSettings current = *load({});
  using Setting = std::pair<std::string, std::string>;
  for (const Setting& wrong :
       {Setting("log.level", "loud"), Setting("log.levels", "reload_tow=debug"),
        Setting("log.levels", "audit=error"), Setting("log.levels", "*=debug")}) {
    LoadAgain again = [&wrong] { return load({wrong, {"app.drain_timeout", "9s"}}); };
    bool is_applied = false;
    const auto apply = [&is_applied](const Settings&) -> Result<> {
      is_applied = true;
      return {};
    };
    EXPECT_FALSE(reload(current, again, nullptr, apply)) << wrong.second;
    EXPECT_FALSE(is_applied) << wrong.second;
    EXPECT_EQ(current.settings.app.drain_timeout, milliseconds{30'000});
    EXPECT_EQ(one.level(), log::Level::info);
  }
}

TEST(MakeTls, NamesTheSetting) {
  Settings::Tls settings;
  EXPECT_EQ(*make_tls(settings, nullptr), nullptr);
  settings.certificate = "/nowhere/c.pem";
  settings.key = "/nowhere/c.key";
  const auto made = make_tls(settings, nullptr);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::invalid_argument);
  EXPECT_EQ(made.error().reason(), "TLS_FILE_MISSING");
  EXPECT_THAT(made.error().message(), HasSubstr("http.tls: /nowhere/c.pem"));
}

TEST(Reload, TheBundleFollowsAndTokensAreNotSwitchedOff) {
  const std::string secret = "8dQe1xkT0vJm2rYb7uNs5wZa4cHf9gLp";
  LoadedSettings current = *load({{"auth.secret", secret}, {"breaker.failure_threshold", "5"}});
  std::vector<std::uint32_t> applied;
  const auto apply = [&applied](const Settings& fresh) -> Result<> {
    if (fresh.middleware.rate_limit.burst == 7) return Error(Code::invalid_argument, "no");
    applied.push_back(fresh.middleware.breaker.failure_threshold);
    return {};
  };
  LoadAgain again = [&] {
    return load({{"auth.secret", secret}, {"breaker.failure_threshold", "6"}});
  };
  ASSERT_TRUE(reload(current, again, nullptr, apply));
  EXPECT_THAT(applied, ElementsAre(6));
  EXPECT_EQ(current.settings.middleware.breaker.failure_threshold, 6U);
  LoadAgain refused = [&] {
    return load({{"auth.secret", secret}, {"rate_limit.burst", "7"}, {"log.level", "error"}});
  };
  EXPECT_FALSE(reload(current, refused, nullptr, apply));
  EXPECT_EQ(current.settings.log.level, log::Level::info) << "all of it or nothing";
  LoadAgain open = [] { return load({}); };
  const auto opened = reload(current, open, nullptr, apply);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message(), HasSubstr("only by a restart"));
  EXPECT_THAT(applied, ElementsAre(6));
}

}  // namespace
}  // namespace kit::app
