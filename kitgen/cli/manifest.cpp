// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/manifest.hpp"

#include <algorithm>
#include <array>

#include "kit/json/value.hpp"
#include "kitgen/cli/tree.hpp"

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

/// One project follows one schema: a second one would take the place of everything.
kit::Result<> check_schema(const Root& root, const Manifest& before, const std::string& schema) {
  if (schema.empty() || before.schema.empty() || schema == before.schema) return {};
  const auto other = root.read(before.schema);
  if (other.ok() && !*other) return {};  // moved or renamed
  return kit::Error(
      kit::Code::failed_precondition,
      "this project follows " + before.schema +
          "; all of it would be replaced by what follows from " + schema +
          ".\nTwo services are two projects: kitgen new NAME --dir DIR, and " + schema +
          " goes into the api folder there. More entities of the same service: write them into " +
          before.schema + ", or include: the file there. If " + schema +
          " is to take its place, "
          "move " +
          before.schema + " away first. Nothing was written");
}

}  // namespace

kit::Result<Manifest> Manifest::parse(std::string_view text) {
  auto document = Value::parse(text);
  if (!document) return broken(document.error().message());
  const Value::Object* files = (*document)["files"].object();
  if (files == nullptr) return broken("has no files");
  Manifest manifest;
  if (const std::string* project = (*document)["project"].string()) manifest.project = *project;
  if (const std::string* schema = (*document)["schema"].string()) manifest.schema = *schema;
  if (const std::string* output = (*document)["output"].string()) manifest.output = *output;
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
  const auto add = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return;
    text += "  \"" + std::string(key) + "\": ";
    kit::json::Writer(text).string(value);
    text += ",\n";
  };
  add("project", project);
  add("schema", schema);
  add("output", output);
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

kit::Result<Manifest> read_manifest(const Root& root, const std::string& schema) {
  auto text = root.read(std::string(manifest_path));
  if (!text) return std::move(text).error();
  if (*text) {
    auto manifest = Manifest::parse(**text);
    if (!manifest) return std::move(manifest).error();
    KIT_TRY(check_schema(root, *manifest, schema));
    return manifest;
  }
  auto started = root.list(".kit/pristine");
  if (!started) return std::move(started).error();
  if (started->empty()) return Manifest();
  return kit::Error(
      kit::Code::failed_precondition,
      std::string(manifest_path) +
          " is missing, but .kit/pristine is there: kitgen cannot tell which files it started. "
          "Take it back from version control (git checkout -- .kit/manifest.json) and run again. "
          "Where no copy of it is left, remove .kit/pristine too; your files then stay as they "
          "are, "
          "and those of kitgen new are followed no longer. Nothing was written");
}

}  // namespace kitgen::cli
