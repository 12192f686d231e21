// SPDX-License-Identifier: Apache-2.0
#include "kit/app/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "kit/app/settings.hpp"

namespace kit::app {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Given = std::vector<std::pair<std::string, std::string>>;

LoadedSettings load(Given settings, std::string environment = "prod", std::string folder = {}) {
  CommandLine line;
  line.config_folder = folder.empty() ? "/nowhere/at/all" : folder;
  line.environment = std::move(environment);
  line.settings = {{"database.path", "/nowhere/at/all.db"},
                   {"admin.port", "9090"},
                   {"auth.secret", "8dQe1xkT0vJm2rYb7uNs5wZa4cHf9gLp"},
                   {"auth.audiences", "store"},
                   {"rate_limit.requests_per_second", "1000"}};
  line.settings.insert(line.settings.end(), settings.begin(), settings.end());
  auto loaded = load_settings(line, "store", {});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message());
  return std::move(*loaded);
}

std::vector<std::string> checks(const LoadedSettings& loaded, const Surroundings& around = {}) {
  std::vector<std::string> found;
  for (const Finding& finding : check_production(loaded, around)) {
    found.push_back((finding.severity == Severity::fatal ? "!" : "") + std::string(finding.check));
    EXPECT_FALSE(finding.message.empty() || finding.advice.empty());
  }
  return found;
}

std::vector<std::string> checks(Given settings, const Surroundings& around = {}) {
  return checks(load(std::move(settings)), around);
}

class FileTest : public testing::Test {
 protected:
  FileTest() { folder_ = ::mkdtemp(name_.data()); }
  ~FileTest() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, std::string_view text, mode_t mode) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string name_ = (std::filesystem::temp_directory_path() / "doctor_XXXXXX").string();
  std::string folder_;
};

TEST(Doctor, TheDefaultsAreFit) {
  EXPECT_THAT(checks(Given{}), IsEmpty());
}

TEST(Doctor, ClearTextOnTheNetworkIsFatalUnlessItEndsElsewhere) {
  EXPECT_THAT(checks({{"http.address", "0.0.0.0"}}), ElementsAre("!tls.off"));
  EXPECT_THAT(checks({{"http.address", "0.0.0.0"}, {"http.tls_elsewhere", "true"}}), IsEmpty());
  EXPECT_THAT(checks({{"http.address", "unix:/run/store.sock"}}), IsEmpty());
  EXPECT_THAT(checks({{"http.address", "0.0.0.0"},
                      {"http.tls.certificate", "/nowhere/a.pem"},
                      {"http.tls.key", "/nowhere/a.key"},
                      {"http.tls.min_version", "1.2"}}),
              ElementsAre("tls.version"));
}

TEST(Doctor, PasswordsThatAnybodyGuesses) {
  const auto of = [](const char* url) { return checks({{"database.url", url}}); };
  EXPECT_THAT(of("postgresql://kit:Password@localhost/shop"), ElementsAre("!secret.weak"));
  EXPECT_THAT(of("postgresql://kit:short@localhost/shop"), ElementsAre("!secret.weak"));
  EXPECT_THAT(of("postgresql://kit:b8Jq0vX2c9wLw1@localhost/shop"), IsEmpty());
  EXPECT_THAT(of("postgresql://kit@localhost/shop"), IsEmpty());
  EXPECT_THAT(checks({{"cache.url", "redis://:redis@127.0.0.1/"}}), ElementsAre("!secret.weak"));
}

TEST(Doctor, ADatabaseOfAnotherMachineNeedsAProof) {
  const auto of = [](const char* url) { return checks({{"database.url", url}}); };
  EXPECT_THAT(of("postgresql://kit:b8Jq0vX2c9wLw1@db.shop.internal/shop"),
              ElementsAre("tls.database"));
  EXPECT_THAT(of("postgresql://kit:b8Jq0vX2c9wLw1@db.shop.internal/shop?sslmode=verify-full"),
              IsEmpty());
}

TEST(Doctor, DebuggingLimitsAndProbes) {
  EXPECT_THAT(checks({{"admin.unsafe_debug", "true"}}), ElementsAre("debug.open"));
  EXPECT_THAT(checks({{"admin.address", "0.0.0.0"}}), ElementsAre("debug.address"));
  EXPECT_THAT(checks({{"admin.port", "0"}}), ElementsAre("probes.metrics"));
  EXPECT_THAT(checks({{"app.pages", "true"}}), ElementsAre("debug.pages"));
  EXPECT_THAT(checks({{"log.level", "debug"}}), ElementsAre("log.level"));
  EXPECT_THAT(checks({{"http.handler_timeout", "30s"}}), IsEmpty());
  EXPECT_THAT(checks({{"http.handler_timeout", "31s"}}),
              ElementsAre("limits.handler_timeout", "limits.drain_timeout"));
  EXPECT_THAT(checks({{"http.body", "64MiB"}}), IsEmpty());
  EXPECT_THAT(checks({{"http.body", "65MiB"}}), ElementsAre("limits.body"));
  EXPECT_THAT(checks({{"app.drain_interval", "2s"}}), IsEmpty());
  EXPECT_THAT(checks({{"app.drain_interval", "1999ms"}}), ElementsAre("probes.drain_interval"));
  Surroundings few;
  few.descriptors = 1512;
  EXPECT_THAT(checks({{"http.connections", "1000"}}, few), IsEmpty());
  EXPECT_THAT(checks({{"http.connections", "1001"}}, few), ElementsAre("limits.descriptors"));
}

TEST(Doctor, WhoMayComeInAndHowMuch) {
  Surroundings own;
  own.identifies_callers = true;
  EXPECT_THAT(checks({{"auth.secret", ""}}), ElementsAre("auth.off"));
  EXPECT_THAT(checks({{"auth.secret", ""}}, own), IsEmpty());
  EXPECT_THAT(checks({{"auth.audiences", ""}}), ElementsAre("auth.audience"));
  EXPECT_THAT(checks({{"rate_limit.requests_per_second", "0"}}), ElementsAre("limits.rate"));
  EXPECT_THAT(checks({{"shedding.enabled", "false"}}), ElementsAre("limits.shedding"));
  EXPECT_THAT(checks({{"breaker.enabled", "false"}}), ElementsAre("limits.breaker"));
}

TEST(Doctor, PoolsOfAllThreadsTogether) {
  const Given given = {{"database.url", "postgresql://kit@localhost/shop"},
                       {"database.connections", "10"}};
  Surroundings machine;
  machine.processors = 10;
  EXPECT_THAT(checks(given, machine), IsEmpty());
  machine.processors = 11;
  EXPECT_THAT(checks(given, machine), ElementsAre("pools.database"));
}

TEST(Doctor, WhatLosesDataIsFatalAndComesFirst) {
  Surroundings root;
  root.is_root = true;
  EXPECT_THAT(checks({{"database.allow_destructive", "true"}, {"import.on_start", "true"}}, root),
              ElementsAre("!migrations.destructive", "files.root", "import.on_start"));
}

TEST_F(FileTest, ModesOfWhatHoldsSecrets) {
  write("base.yaml", "admin:\n  port: 9090\n", 0644);
  const std::string secret =
      write("prod.yaml", "database:\n  url: postgresql://kit:b8Jq0vX2c9wLw1@localhost/a\n", 0644);
  EXPECT_THAT(checks(load({}, "prod", folder_)), ElementsAre("!files.secret"));
  ASSERT_EQ(::chmod(secret.c_str(), 0640), 0);
  EXPECT_THAT(checks(load({}, "prod", folder_)), IsEmpty());
  ASSERT_EQ(::chmod(secret.c_str(), 0660), 0);
  EXPECT_THAT(checks(load({}, "prod", folder_)), ElementsAre("!files.configuration"));
  const std::string database = write("store.db", "", 0644);
  EXPECT_THAT(checks({{"database.path", database}}), ElementsAre("!files.database"));
  const std::string key = write("a.key", "", 0604);
  EXPECT_THAT(checks({{"http.tls.certificate", "a.pem"}, {"http.tls.key", key}}),
              ElementsAre("!files.key"));
}

TEST(Doctor, ReportsForPeopleAndMachines) {
  const LoadedSettings loaded = load({{"http.address", "0.0.0.0"}, {"admin.port", "0"}});
  const auto findings = check_production(loaded, {});
  const std::string text = report_text(findings, "prod");
  EXPECT_THAT(text, HasSubstr("FATAL   requests and their tokens cross the network in clear"));
  EXPECT_THAT(text, HasSubstr("[tls.off]\n        set http.tls.certificate"));
  EXPECT_THAT(text, HasSubstr("environment prod: 1 fatal finding, 1 warning; a server does not"));
  EXPECT_EQ(report_text({}, "prod"), "environment prod: nothing to complain about\n");
  const std::string json = report_json(findings, "prod");
  EXPECT_THAT(json, HasSubstr(R"({"environment":"prod","fatal":1,"warnings":1,"findings":[{)"));
  EXPECT_THAT(json, HasSubstr(R"("severity":"fatal","check":"tls.off")"));
}

TEST(Doctor, ProductionIsRefusedAndTheDeskIsNot) {
  const Given open = {{"http.address", "0.0.0.0"}};
  const auto refused = refuse_unfit(load(open), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::failed_precondition);
  EXPECT_THAT(refused.error().message(), HasSubstr("http.tls_elsewhere: true"));
  EXPECT_TRUE(refuse_unfit(load(open, "dev"), {}).ok());
  const Given weak = {{"database.url", "postgresql://kit:postgres@localhost/shop"}};
  EXPECT_TRUE(refuse_unfit(load(weak, "dev"), {}).ok());
  // The files of other environments need not be there.
  const LoadedSettings dev = load(weak, "dev");
  LoadedSettings staging = load(weak, "dev");
  staging.settings.app.environment = "staging";
  const auto guessed = refuse_unfit(staging, {});
  ASSERT_FALSE(guessed.ok());
  EXPECT_THAT(guessed.error().message(), Not(HasSubstr("postgres@")));
}

TEST(Doctor, MemoryIsHidden) {
  const pid_t child = ::fork();
  if (child == 0) {
    hide_memory();
    rlimit limit{};
    const bool hidden = ::prctl(PR_GET_DUMPABLE) == 0 && ::getrlimit(RLIMIT_CORE, &limit) == 0 &&
                        limit.rlim_max == 0;
    ::_exit(hidden ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace kit::app
