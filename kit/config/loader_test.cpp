// SPDX-License-Identifier: Apache-2.0
#include "kit/config/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace kit::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

enum class Format : std::uint8_t { automatic, json };

struct HttpSettings {
  std::uint16_t port = 8080;
  std::string host = "127.0.0.1";
  std::chrono::milliseconds idle_timeout{60'000};
  Bytes max_body{1 << 20};
  bool tls = false;
  std::vector<std::string> proxies;
  double ratio = 0.5;
};

void describe(Section& section, HttpSettings& s) {
  section.field("port", s.port, "TCP port to listen on").min(1);
  section.field("host", s.host, "address to listen on")
      .accept("an address", [](const std::string& host) { return !host.empty(); });
  section.field("idle_timeout", s.idle_timeout, "idle connections are closed after this")
      .min(std::chrono::seconds(1))
      .max(std::chrono::hours(1));
  section.field("max_body", s.max_body, "largest request body");
  section.field("tls", s.tls, "whether to speak TLS");
  section.field("proxies", s.proxies, "addresses of trusted proxies");
  section.field("ratio", s.ratio, "share of something").min(0).max(1);
}

struct LogSettings {
  Format format = Format::automatic;
  std::map<std::string, std::string> levels;
  Secret<std::string> token;
};

void describe(Section& section, LogSettings& s) {
  section.field("format", s.format, "form of the lines",
                {{"auto", Format::automatic}, {"json", Format::json}});
  section.field("levels", s.levels, "levels of single modules");
  section.section("remote").field("token", s.token, "token of the collector");
}

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() : loader_("KIT") {
    std::filesystem::create_directory(folder_);
    loader_.add("http", http_);
    loader_.add("log", log_);
    sources_.directory = folder_;
  }
  ~LoaderTest() override { std::filesystem::remove_all(folder_); }

  void file(const std::string& name, std::string_view text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  /// The lines of the error without the first, which counts; the folder is cut off.
  std::vector<std::string> problems() {
    Result<> loaded = loader_.load(sources_);
    std::vector<std::string> out;
    if (loaded) return out;
    std::string message = loaded.error().message();
    for (std::size_t at = message.find("\n  "); at != std::string::npos;) {
      std::size_t next = message.find("\n  ", at + 1);
      std::string line = message.substr(at + 3, next == std::string::npos ? next : next - at - 3);
      if (line.starts_with(folder_ + "/")) line.erase(0, folder_.size() + 1);
      out.push_back(line);
      at = next;
    }
    EXPECT_EQ(loaded.error().violations().size(), out.size());
    return out;
  }

  std::string folder_ = testing::TempDir() + "kit_config_" + std::to_string(::getpid());
  HttpSettings http_;
  LogSettings log_;
  Loader loader_;
  Sources sources_;
};

TEST_F(LoaderTest, DefaultsWithoutAnyLayer) {
  EXPECT_THAT(problems(), ElementsAre());
  EXPECT_EQ(http_.port, 8080);
  EXPECT_EQ(http_.idle_timeout, std::chrono::minutes(1));
}

TEST_F(LoaderTest, EveryTypeFromAFile) {
  file("base.yaml", R"(http:
  port: 80
  host: 0.0.0.0
  idle_timeout: 2m
  max_body: 2MiB
  tls: true
  proxies: [10.0.0.1, 10.0.0.2]
  ratio: 0.25
log:
  format: json
  levels:
    http: debug
  remote:
    token: hunter2
)");
  EXPECT_THAT(problems(), ElementsAre());
  EXPECT_EQ(http_.port, 80);
  EXPECT_EQ(http_.host, "0.0.0.0");
  EXPECT_EQ(http_.idle_timeout, std::chrono::minutes(2));
  EXPECT_EQ(http_.max_body.count, 2U << 20);
  EXPECT_TRUE(http_.tls);
  EXPECT_THAT(http_.proxies, ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_EQ(http_.ratio, 0.25);
  EXPECT_EQ(log_.format, Format::json);
  EXPECT_EQ(log_.levels.at("http"), "debug");
  EXPECT_EQ(log_.token.reveal(), "hunter2");
}

TEST_F(LoaderTest, StrongerLayersWin) {
  file("base.yaml", "http:\n  port: 1\n  host: base\n  ratio: 0.1\n  max_body: 1\n");
  file("dev.yaml", "http:\n  port: 2\n  host: dev\n  ratio: 0.2\n");
  sources_.environment = "dev";
  sources_.variables = {"KIT_HTTP_PORT=3", "KIT_HTTP_HOST=variable", "PATH=/bin", "KITCHEN=1"};
  sources_.arguments = {"--http.port=4"};
  EXPECT_THAT(problems(), ElementsAre());
  EXPECT_EQ(http_.port, 4);
  EXPECT_EQ(http_.host, "variable");
  EXPECT_EQ(http_.ratio, 0.2);
  EXPECT_EQ(http_.max_body.count, 1U);
  std::vector<std::string> sources;
  for (const KeyInfo& info : loader_.describe_all()) {
    if (info.key.starts_with("http.")) sources.push_back(info.source);
  }
  EXPECT_THAT(sources, ElementsAre("environment variable KIT_HTTP_HOST", "default",
                                   folder_ + "/base.yaml:5:3", "command line", "default",
                                   folder_ + "/dev.yaml:4:3", "default"));
}

TEST_F(LoaderTest, ListsAndMapsInOneLine) {
  sources_.variables = {"KIT_HTTP_PROXIES=a, b", "KIT_LOG_LEVELS=http=debug,db=warn"};
  sources_.arguments = {"--log.remote.token=a=b"};
  EXPECT_THAT(problems(), ElementsAre());
  EXPECT_THAT(http_.proxies, ElementsAre("a", "b"));
  EXPECT_EQ(log_.levels.size(), 2U);
  EXPECT_EQ(log_.token.reveal(), "a=b");
}

TEST_F(LoaderTest, CollectsEveryProblemWithItsPlace) {
  file("base.yaml", R"(http:
  prot: 80
  port: 80a
  idle_timeout: 5
  max_body: [1]
  tls: yes
  ratio: 1.5
  host: ""
htttp:
  port: 1
log:
  format: jsn
  levels: debug
  remote: 7
  token: x
)");
  EXPECT_THAT(
      problems(),
      ElementsAre(
          "base.yaml:2:3: unknown key 'http.prot' (did you mean 'http.port'?)",
          "base.yaml:3:9: http.port must be a whole number from 1 to 65535, is '80a'",
          "base.yaml:4:17: http.idle_timeout must be a duration such as 250ms, 5s, 2m or 1h from "
          "1s to "
          "1h, is '5'",
          "base.yaml:5:13: http.max_body must be a size such as 512, 64KiB or 1MiB, is a list",
          "base.yaml:6:8: http.tls must be true or false, is 'yes'",
          "base.yaml:7:10: http.ratio must be a number from 0 to 1, is '1.5'",
          "base.yaml:8:9: http.host must be an address, is ''",
          "base.yaml:9:1: unknown key 'htttp' (did you mean 'http'?)",
          "base.yaml:12:11: log.format must be one of auto, json, is 'jsn'",
          "base.yaml:13:11: log.levels must be a mapping of names to texts, is 'debug'",
          "base.yaml:14:3: log.remote must be a mapping with the settings of this section (known "
          "here: "
          "token)",
          "base.yaml:15:3: unknown key 'log.token' (did you mean 'log.remote.token'?)"));
  EXPECT_EQ(http_.port, 8080) << "nothing is touched by a bad configuration";
}

TEST_F(LoaderTest, OfSettingsWithOneNameTheNearestIsMeant) {
  HttpSettings admin;
  loader_.add("admin", admin);
  sources_.arguments = {"--htpt.port=1", "--amdin.port=1"};
  EXPECT_THAT(problems(),
              ElementsAre("command line: unknown setting '--htpt.port' (did you mean 'http.port'?)",
                          "command line: unknown setting '--amdin.port' (did you mean "
                          "'admin.port'?)"));
}

TEST_F(LoaderTest, ProblemsOfAllLayersComeTogether) {
  file("base.yaml", "http: {port: 0}\n");
  sources_.environment = "prod";
  sources_.variables = {"KIT_HTTP_PROT=1", "KIT_HTTP_TLS=1"};
  sources_.arguments = {"--http.prot=1", "http.port=1", "--http.port", "-x", "--"};
  EXPECT_THAT(
      problems(),
      ElementsAre(
          "base.yaml:1:14: http.port must be a whole number from 1 to 65535, is '0'",
          "prod.yaml: there is no such file: make it, or name another environment",
          "environment variable KIT_HTTP_PROT: is no setting (did you mean 'KIT_HTTP_PORT'?)",
          "environment variable KIT_HTTP_TLS: http.tls must be true or false, is '1'",
          "command line: unknown setting '--http.prot' (did you mean 'http.port'?)",
          "command line: cannot use 'http.port=1': settings are given as --name=value, such as "
          "--http.port=8080",
          "command line: http.port has no value: write --http.port=...",
          "command line: cannot use '-x': settings are given as --name=value, such as "
          "--http.port=8080",
          "command line: cannot use '--': settings are given as --name=value, such as "
          "--http.port=8080"));
}

TEST_F(LoaderTest, FilesThatAreNoYaml) {
  file("base.yaml", "http: [\n");
  auto found = problems();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with("base.yaml:2:1: is not YAML: ")) << found[0];
  std::filesystem::remove(folder_ + "/base.yaml");
  std::filesystem::create_directory(folder_ + "/base.yaml");
  EXPECT_THAT(problems(), ElementsAre("base.yaml: cannot be read"));
}

TEST_F(LoaderTest, EmptyValuesAndSections) {
  file("base.yaml", "http:\nlog:\n  format:\n");
  EXPECT_THAT(problems(),
              ElementsAre("base.yaml:3:3: log.format has no value: must be one of auto, json; "
                          "leave the line out for the default"));
}

TEST_F(LoaderTest, KeysWithDotsAreNotPaths) {
  file("base.yaml", "http.port: 1\n");
  EXPECT_THAT(
      problems(),
      ElementsAre("base.yaml:1:1: unknown key 'http.port' (write it nested: 'http:', and 'port:' "
                  "indented under it)"));
}

TEST_F(LoaderTest, EnvironmentsNameFilesInTheFolderOnly) {
  sources_.environment = "../prod";
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("letters, digits, - and _ only")));
}

TEST_F(LoaderTest, VariablesOfOthersAreLeftAlone) {
  sources_.variables = {"KIT_CONFIG_DIR=x",           "KIT_SERVICE_HOST=10.0.0.1",
                        "KIT_SERVICE_PORT=1",         "KIT_SERVICE_PORT_HTTP=1",
                        "KIT_PORT=tcp://10.0.0.1:80", "KIT_PORT_80_TCP_ADDR=10.0.0.1"};
  sources_.foreign_variables = {"KIT_CONFIG_DIR"};
  EXPECT_THAT(problems(), ElementsAre());
  sources_.foreign_variables = {};
  EXPECT_THAT(problems(), ElementsAre("environment variable KIT_CONFIG_DIR: is no setting"));
}

TEST_F(LoaderTest, SecretsAreNeverShown) {
  file("base.yaml", "log:\n  remote:\n    token: [hunter2]\n");
  EXPECT_THAT(
      problems(),
      ElementsAre("base.yaml:3:12: log.remote.token must be a text, which the value given is not"));
  file("base.yaml", "log:\n  remote:\n    token: hunter2\n");
  EXPECT_THAT(problems(), ElementsAre());
  EXPECT_THAT(loader_.dump(), testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(loader_.dump(), HasSubstr("log.remote.token: ***"));
  EXPECT_THAT(loader_.help(), testing::Not(HasSubstr("hunter2")));
}

TEST_F(LoaderTest, LoadingAgainStartsFromTheDefaults) {
  sources_.arguments = {"--http.port=1"};
  EXPECT_THAT(problems(), ElementsAre());
  sources_.arguments = {"--http.host=h"};
  EXPECT_THAT(problems(), ElementsAre());
  EXPECT_EQ(http_.port, 8080);
  EXPECT_EQ(http_.host, "h");
  sources_.arguments = {"--http.host="};
  EXPECT_EQ(problems().size(), 1U);
  EXPECT_EQ(http_.host, "h") << "a bad load changes nothing";
  EXPECT_THAT(loader_.dump(), HasSubstr("http.host: h"));
}

TEST_F(LoaderTest, DescribesAndDumps) {
  auto all = loader_.describe_all();
  auto port = std::ranges::find(all, "http.port", &KeyInfo::key);
  ASSERT_NE(port, all.end());
  EXPECT_EQ(port->type, "integer");
  EXPECT_EQ(port->expected, "a whole number from 1 to 65535");
  EXPECT_EQ(port->default_text, "8080");
  EXPECT_EQ(port->variable, "KIT_HTTP_PORT");
  EXPECT_EQ(port->doc, "TCP port to listen on");
  EXPECT_THAT(loader_.dump(), HasSubstr("http.idle_timeout: 1m"));
  EXPECT_THAT(loader_.dump(), HasSubstr("# default\n"));
  EXPECT_THAT(loader_.help(),
              HasSubstr("  --http.port=integer\n      TCP port to listen on (default 8080)\n"
                        "      a whole number from 1 to 65535; KIT_HTTP_PORT\n"));
}

struct NeedySettings {
  Secret<std::string> key;
  int count = 0;
};
void describe(Section& section, NeedySettings& s) {
  section.field("key", s.key, "key of something").required();
  section.field("count", s.count, "count of something").required();
}

TEST(RequiredTest, MustBeSetBySomeLayer) {
  Loader loader("SHOP");
  NeedySettings needy;
  loader.add("needy", needy);
  Sources sources;
  sources.arguments = {"--needy.count=x"};
  auto loaded = loader.load(sources);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(
      loaded.error().message(),
      "the configuration has 2 problems:\n"
      "  command line: needy.count must be a whole number from -2147483648 to 2147483647, is 'x'\n"
      "  configuration: needy.key is required: set it in a file, as SHOP_NEEDY_KEY or as "
      "--needy.key=...");
  EXPECT_EQ(loaded.error().code(), Code::invalid_argument);
  sources.arguments = {"--needy.count=1", "--needy.key=k"};
  EXPECT_TRUE(loader.load(sources));
}

TEST(DeclarationDeathTest, NamesMustBeUnambiguous) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Loader loader("KIT");
  int number = 0;
  Section section = loader.section("a");
  section.field("b_c", number, "x");
  EXPECT_DEATH(section.field("b_c", number, "x"), "two settings with one name");
  EXPECT_DEATH(section.section("b").field("c", number, "x"), "two settings with one name");
  EXPECT_DEATH(section.field("Bad", number, "x"), "lower_case");
}

}  // namespace
}  // namespace kit::config
