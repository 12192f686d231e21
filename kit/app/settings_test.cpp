// SPDX-License-Identifier: Apache-2.0
#include "kit/app/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kit::app {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("kit-settings-" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
    line_.config_folder = folder_.string();
    line_.config_folder_given = true;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  Result<LoadedSettings> load(std::vector<std::string> variables = {}) {
    return load_settings(line_, "store", std::move(variables));
  }

  std::filesystem::path folder_;
  CommandLine line_;
};

TEST_F(SettingsTest, DefaultsDependOnTheEnvironment) {
  const Settings dev = load()->settings;
  EXPECT_EQ(dev.http.address, "127.0.0.1");
  EXPECT_EQ(dev.http.port, 8080);
  EXPECT_EQ(dev.database.sqlite.path, "store.db");
  EXPECT_EQ(dev.app.drain_interval, milliseconds{0});
  EXPECT_TRUE(dev.migrate_on_start);
  EXPECT_TRUE(dev.app.pages);
  write("prod.yaml", "");
  line_.environment = "prod";
  const Settings prod = load()->settings;
  EXPECT_EQ(prod.app.drain_interval, milliseconds{5000});
  EXPECT_FALSE(prod.migrate_on_start);
  EXPECT_FALSE(prod.app.pages);
  EXPECT_EQ(prod.database.sqlite.synchronous, sqlite::Synchronous::full);
}

TEST_F(SettingsTest, LaterLayersWin) {
  write("base.yaml", "http: {port: 1000, threads: 3, body: 64KiB}\nlog: {levels: {db: debug}}\n");
  write("staging.yaml", "http: {port: 2000, threads: 4}\n");
  line_.settings = {{"http.port", "4000"}};
  const auto loaded = load({"KIT_ENV=staging", "KIT_HTTP_PORT=3000", "KIT_HTTP_IDLE_TIMEOUT=7s"});
  ASSERT_TRUE(loaded) << loaded.error().message();
  const Settings& settings = loaded->settings;
  EXPECT_EQ(settings.app.environment, "staging");
  EXPECT_EQ(settings.http.port, 4000);
  EXPECT_EQ(settings.http.threads, 4);
  EXPECT_EQ(settings.http.limits.body_bytes, 65536U);
  EXPECT_EQ(settings.http.limits.idle_timeout, milliseconds{7000});
  EXPECT_EQ(settings.log.levels.at("db"), "debug");
  EXPECT_THAT(loaded->dump, HasSubstr("command line"));
  EXPECT_THAT(loaded->dump, HasSubstr("staging.yaml"));
}

TEST_F(SettingsTest, RefusesWhatItDoesNotKnow) {
  write("base.yaml", "http: {prot: 1}\n");
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message(), HasSubstr("base.yaml:1"));
  EXPECT_THAT(loaded.error().message(), HasSubstr("http.port"));
}

TEST_F(SettingsTest, RefusesAnEnvironmentThatIsNone) {
  EXPECT_THAT(load({"KIT_ENV=prd"}).error().message(), HasSubstr("did you mean 'prod'?"));
}

TEST_F(SettingsTest, WantsTheFilesThatWereAskedFor) {
  line_.environment = "prod";
  EXPECT_THAT(load().error().message(), HasSubstr("prod.yaml"));
  line_.environment = "dev";
  EXPECT_TRUE(load());
  line_.config_folder = "/nowhere/at/all";
  EXPECT_THAT(load().error().message(), HasSubstr("there is no such folder"));
  line_.config_folder_given = false;
  EXPECT_TRUE(load());
}

TEST_F(SettingsTest, ChecksRanges) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"http.port", "65536"},
                                                        {"http.port", "-1"},
                                                        {"http.body", "2GiB"},
                                                        {"log.level", "loud"},
                                                        {"http.handler_timeout", "61s"},
                                                        {"log.levels", "db=loud"},
                                                        {"http.unix_mode", "0888"},
                                                        {"http.unix_mode", "1777"},
                                                        {"http.unix_mode", ""},
                                                        {"http.tls.min_version", "1.1"},
                                                        {"http.tls.client_auth", "maybe"},
                                                        {"database.synchronous", "maybe"}}) {
    line_.settings = {{key, value}};
    const auto loaded = load();
    ASSERT_FALSE(loaded) << key << '=' << value;
    EXPECT_THAT(loaded.error().message(), HasSubstr(key));
  }
  line_.settings = {{"http.port", "65535"}, {"http.body", "1GiB"}, {"http.handler_timeout", "60s"}};
  EXPECT_TRUE(load());
}

TEST_F(SettingsTest, TlsIsWholeOrNotAtAll) {
  const auto problem = [this](std::vector<std::pair<std::string, std::string>> settings) {
    line_.settings = std::move(settings);
    const auto loaded = load();
    return loaded ? std::string() : loaded.error().message();
  };
  EXPECT_THAT(problem({{"http.tls.certificate", "a.pem"}}), HasSubstr("http.tls.key"));
  EXPECT_THAT(problem({{"http.tls.key", "a.key"}}), HasSubstr("http.tls.certificate"));
  EXPECT_THAT(problem({{"http.tls.more", "b.pem=b.key"}}), HasSubstr("http.tls.certificate"));
  EXPECT_THAT(problem({{"http.tls.certificate", "a.pem"},
                       {"http.tls.key", "a.key"},
                       {"http.tls.client_auth", "require"}}),
              HasSubstr("http.tls.client_ca"));
  EXPECT_EQ(problem({{"http.tls.certificate", "a.pem"},
                     {"http.tls.key", "a.key"},
                     {"http.tls.more", "b.pem=b.key"},
                     {"http.tls.client_ca", "ca.pem"},
                     {"http.tls.client_auth", "require"},
                     {"http.tls.min_version", "1.2"}}),
            "");
  const auto loaded = load();
  EXPECT_TRUE(loaded->settings.http.tls.is_on());
  EXPECT_EQ(loaded->settings.http.tls.more.at("b.pem"), "b.key");
  EXPECT_EQ(loaded->values.at("http.tls.min_version").reveal(), "1.2");
}

TEST(Settings, KnowsAddressesOfUnixSockets) {
  EXPECT_EQ(unix_path("unix:/run/store.sock"), "/run/store.sock");
  EXPECT_EQ(unix_path("127.0.0.1"), "");
  EXPECT_EQ(parse_mode("0660"), 0660U);
  EXPECT_EQ(parse_mode("777"), 0777U);
  EXPECT_EQ(parse_mode("1000"), std::nullopt);
}

}  // namespace
}  // namespace kit::app
