// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/config/section.hpp"

namespace kit::config {

/// Where the layers come from, weakest first.
struct Sources {
  /// Folder of base.yaml and <environment>.yaml; empty: no files. A missing base.yaml is no error.
  std::string directory;
  /// "dev", "prod" ...: <environment>.yaml must be there. Empty: only base.yaml.
  std::string environment;
  /// "NAME=value" as in environ; those that don't start with the loader's prefix are not looked at.
  std::vector<std::string> variables;
  /// Names of variables with the prefix that are no settings but somebody else's: "KIT_CONFIG_DIR".
  std::vector<std::string> foreign_variables;
  /// "--http.port=8080"; whatever else the program takes was taken out before.
  std::vector<std::string> arguments;
};

/// One setting, for references and help.
struct KeyInfo {
  std::string key;            ///< "http.port"
  std::string_view type;      ///< "integer", "duration" ...
  std::string expected;       ///< "a whole number from 1 to 65535"
  std::string default_text;   ///< "8080"; secrets "***"
  std::string value;          ///< in force after the last good load; secrets "***"
  Secret<std::string> exact;  ///< the same, of a secret too: to compare, not to show
  std::string source;  ///< "default", "config/prod.yaml:4:9", "environment variable KIT_HTTP_PORT",
                       ///< "command line"
  std::string variable;  ///< "KIT_HTTP_PORT"
  std::string_view doc;
  bool is_required = false;
};

/// Puts settings together from layers: defaults < base.yaml < <environment>.yaml < environment
/// variables < command line.
///
///     config::Loader loader("KIT");
///     loader.add("http", http_settings);
///     loader.add("log", log_settings);
///     if (auto loaded = loader.load(sources); !loaded) { print(loaded.error().message()); return
///     2; }
///
/// Thread safety: none; configuration is loaded before threads start.
class Loader {
 public:
  /// `prefix` of the environment variables: http.port is KIT_HTTP_PORT.
  explicit Loader(std::string prefix = "KIT");
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Declares the settings of a module with its `describe(config::Section&, Settings&)`.
  template <class Settings>
  void add(std::string_view name, Settings& settings) {
    Section inner = section(name);
    describe(inner, settings);
  }
  Section section(std::string_view name);

  /// Reads all layers. Either every setting is right and all targets have their values, or no
  /// target is touched and the error lists every problem, one a line, with file:line:column and the
  /// nearest known name; the violations carry the same, one each. Fails with `invalid_argument`.
  /// YAML is restricted: no anchors, aliases, tags, merge keys, duplicate keys; at most 1 MiB, 32
  /// levels, 50 000 nodes.
  Result<> load(const Sources& sources);

  /// All settings, by key.
  std::vector<KeyInfo> describe_all() const;
  /// All settings with value and source, one a line, as YAML would have them; secrets are "***".
  std::string dump() const;
  /// All settings with type, default and meaning, for `--help`.
  std::string help() const;

 private:
  std::unique_ptr<detail::State> state_;
};

}  // namespace kit::config
