// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/manifest.hpp"

#include <algorithm>
#include <array>

#include "kit/json/value.hpp"

namespace kitgen::cli {
namespace {

using kit::json::Value;

constexpr std::array<std::string_view, 4> keeping_names = {"generated", "started", "migration",
                                                           "deleted"};

kit::Error broken(const std::string& why) {
  return kit::Error(kit::Code::data_loss,
                    std::string(manifest_path) + ": " + why +
                        "; take the file from version control (after a merge, that of either side: "
                        "git checkout --ours .kit/manifest.json) and run again");
}

}  // namespace

kit::Result<Manifest> Manifest::parse(std::string_view text) {
  auto document = Value::parse(text);
  if (!document) return broken(document.error().message());
  const Value::Object* files = (*document)["files"].object();
  if (files == nullptr) return broken("has no files");
  Manifest manifest;
  if (const std::string* project = (*document)["project"].string()) manifest.project = *project;
  for (const auto& [path, entry] : *files) {
    const std::string* sum = entry["sha256"].string();
    const std::string* keeping = entry["kept"].string();
    if (sum == nullptr || keeping == nullptr) return broken("'" + path + "' has no sha256 or kept");
    const auto name = std::ranges::find(keeping_names, *keeping);
    if (name == keeping_names.end()) return broken("'" + *keeping + "' is no way to keep a file");
    manifest.files[path] = {*sum, static_cast<Keeping>(name - keeping_names.begin())};
  }
  return manifest;
}

std::string Manifest::to_text() const {
  // One line a file: merges of two branches conflict only where both changed one.
  std::string text = "{\n  \"version\": 1,\n";
  if (!project.empty()) {
    text += "  \"project\": ";
    kit::json::Writer(text).string(project);
    text += ",\n";
  }
  text += "  \"files\": {";
  bool first = true;
  for (const auto& [path, kept] : files) {
    text += first ? "\n    " : ",\n    ";
    first = false;
    kit::json::Writer writer(text);
    writer.string(path);
    text += ": {\"kept\": \"" + std::string(keeping_names[static_cast<std::size_t>(kept.keeping)]) +
            "\", \"sha256\": \"" + kept.sha256 + "\"}";
  }
  return text + "\n  }\n}\n";
}

}  // namespace kitgen::cli
