// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/include.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "kitgen/schema/include_path.hpp"
#include "kitgen/schema/yaml.hpp"

namespace kitgen::schema {
namespace {

namespace fs = std::filesystem;

TEST(IncludePath, IsRelativeToTheFileThatSaysIt) {
  const auto resolved = [](std::string_view path, std::string_view from) {
    std::string why;
    const auto result = resolve_include(path, from, why);
    return result ? *result : "! " + why;
  };
  EXPECT_EQ(resolved("common.yaml", "store.yaml"), "common.yaml");
  EXPECT_EQ(resolved("./sales//*.yml", "store.yaml"), "sales/*.yml");
  EXPECT_EQ(resolved("../common.yaml", "sales/invoice.yaml"), "common.yaml");
  EXPECT_EQ(resolved("line.yaml", "sales/invoice.yaml"), "sales/line.yaml");
  const std::string out = "! leads out of the folder of the schema";
  EXPECT_EQ(resolved("../common.yaml", "store.yaml"), out);
  EXPECT_EQ(resolved("a/../../b.yaml", "store.yaml"), out);
  EXPECT_EQ(resolved("../../b.yaml", "sales/invoice.yaml"), out);
  EXPECT_EQ(resolved("/etc/kit.yaml", "store.yaml"),
            "! is absolute; a schema includes files of its own folder");
  EXPECT_EQ(resolved("*/x.yaml", "store.yaml"),
            "! has a '*' in a folder's name; it is for the last part only");
  EXPECT_EQ(resolved("common.txt", "store.yaml"), "! does not end with .yaml");
  EXPECT_EQ(resolved("", "store.yaml"), "! is empty");
  EXPECT_EQ(resolved(std::string("a\0.yaml", 7), "store.yaml"),
            "! may have letters, digits, '.', '_', '-', '/' and '*' only");
  EXPECT_EQ(resolved(std::string(250, 'a') + ".yaml", "store.yaml").front(), 'a');
  EXPECT_EQ(resolved(std::string(251, 'a') + ".yaml", "store.yaml"), "! is longer than 255 bytes");
}

TEST(IncludePath, PatternsMatchInLinearSteps) {
  EXPECT_TRUE(matches("*.yaml", "a.yaml"));
  EXPECT_TRUE(matches("s*s.yaml", "sales.yaml"));
  EXPECT_TRUE(matches("**.yaml", ".yaml.yaml") == false);
  EXPECT_TRUE(matches(".*.yaml", ".a.yaml"));
  EXPECT_FALSE(matches("*.yaml", "a.yml"));
  EXPECT_FALSE(matches("*.yaml", ".hidden.yaml"));
  EXPECT_FALSE(matches("a*b.yaml", "ab"));
  EXPECT_FALSE(matches(std::string(100, '*') + "b", std::string(250, 'a')));
}

/// What is read of `files` from store.yaml on: names of entities, then the errors.
std::vector<std::string> read_all(const Files& files, const std::string& text) {
  std::deque<Source> sources;
  sources.emplace_back("api/store.yaml", text);
  Diagnostics diagnostics(sources.front());
  std::vector<std::string> found;
  if (const auto schema = read_schema(sources, files, diagnostics)) {
    for (const Entity& entity : schema->entities) found.push_back(entity.name.text);
    EXPECT_EQ(schema->files.size(), sources.size());
  }
  for (const Diagnostic& each : diagnostics.take()) {
    found.push_back(each.file + ":" + std::to_string(each.at.line) + " " + each.message);
  }
  return found;
}

class Folder {
 public:
  Folder()
      : path_(fs::path(::testing::TempDir()) /
              ("kitgen_include_test" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_ / "api/sales");
  }
  ~Folder() { fs::remove_all(path_); }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(path_ / path, std::ios::binary) << text;
  }
  fs::path path() const { return path_; }
  FolderFiles files() const { return FolderFiles((path_ / "api").string()); }

 private:
  fs::path path_;
};

std::string file_with(const std::string& entity, const std::string& includes = "") {
  return "kit: 1\n" + includes + "entities:\n  " + entity + ":\n    fields: {name: string}\n";
}

using Texts = std::vector<std::string>;

TEST(Include, FilesStandInTheOrderOfTheListAndEachOnce) {
  Folder folder;
  folder.write("api/sales/b.yaml", file_with("B"));
  folder.write("api/sales/a.yaml", file_with("A", "include: ../common.yaml\n"));
  folder.write("api/common.yaml", file_with("Common"));
  folder.write("api/.hidden.yaml", "no");
  EXPECT_EQ(read_all(folder.files(),
                     file_with("Own", "include: [sales/*.yaml, common.yaml, \"*.yaml\"]\n")),
            (Texts{"Common", "A", "B", "Own"}));
}

TEST(Include, ALinkMayNotLeadOut) {
  Folder folder;
  folder.write("secret.yaml", file_with("Secret"));
  folder.write("api/real.yaml", file_with("Real"));
  fs::create_symlink("../secret.yaml", folder.path() / "api/out.yaml");
  fs::create_symlink(folder.path(), folder.path() / "api/up");
  fs::create_symlink("real.yaml", folder.path() / "api/in.yaml");
  const std::string refusal = ": a symbolic link leads out of the folder of the schema";
  EXPECT_EQ(read_all(folder.files(), file_with("Own", "include: [out.yaml]\n")),
            (Texts{"Own", "api/store.yaml:2 'api/out.yaml'" + refusal}));
  EXPECT_EQ(read_all(folder.files(), file_with("Own", "include: [up/secret.yaml]\n")),
            (Texts{"Own", "api/store.yaml:2 'api/up/secret.yaml'" + refusal}));
  EXPECT_EQ(read_all(folder.files(), file_with("Own", "include: [in.yaml]\n")),
            (Texts{"Real", "Own"}));
}

TEST(Include, AFolderAndAMissingFileAreTold) {
  Folder folder;
  fs::create_directory(folder.path() / "api/dir.yaml");
  EXPECT_EQ(
      read_all(folder.files(), file_with("Own", "include: [dir.yaml, none.yaml, no/*.yaml]\n")),
      (Texts{"Own", "api/store.yaml:2 'api/dir.yaml': is a directory",
             "api/store.yaml:2 'api/none.yaml': there is no such file",
             "api/store.yaml:2 'no': cannot be listed: No such file or directory"}));
}

class ManyFiles final : public Files {
 public:
  explicit ManyFiles(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {}
  kit::Result<std::string> read(const std::string& path) const override { return texts_.at(path); }
  kit::Result<Texts> list(const std::string&) const override {
    Texts names;
    for (const auto& [name, text] : texts_) names.push_back(name);
    return names;
  }

 private:
  std::map<std::string, std::string> texts_;
};

TEST(Include, LimitsAtAndPastThem) {
  const auto count = [](std::size_t files) {
    std::map<std::string, std::string> texts;
    for (std::size_t i = 0; i < files; ++i) texts["f" + std::to_string(i) + ".yaml"] = "kit: 1\n";
    return read_all(ManyFiles(std::move(texts)), file_with("Own", "include: \"*.yaml\"\n"));
  };
  EXPECT_EQ(count(max_files - 1), Texts{"Own"});
  EXPECT_EQ(count(max_files),
            (Texts{"Own", "api/store.yaml:2 the schema has more than 200 files"}));

  const auto depth = [](std::size_t levels) {
    std::map<std::string, std::string> texts;
    for (std::size_t i = 1; i < levels; ++i)
      texts["f" + std::to_string(i) + ".yaml"] =
          "kit: 1\ninclude: f" + std::to_string(i + 1) + ".yaml\n";
    texts["f" + std::to_string(levels) + ".yaml"] = "kit: 1\n";
    return read_all(ManyFiles(std::move(texts)), file_with("Own", "include: f1.yaml\n"));
  };
  EXPECT_EQ(depth(max_include_depth), Texts{"Own"});
  EXPECT_EQ(depth(max_include_depth + 1),
            (Texts{"Own", "api/f8.yaml:2 files include each other more than 8 levels deep"}));

  const auto size = [](std::size_t bytes) {
    const std::string own = file_with("Own", "include: f.yaml\n");
    const std::string start = "kit: 1\n#";
    return read_all(
        ManyFiles({{"f.yaml", start + std::string(bytes - own.size() - start.size(), 'x')}}), own);
  };
  EXPECT_EQ(size(max_source_bytes), Texts{"Own"});
  EXPECT_EQ(
      size(max_source_bytes + 1),
      (Texts{"Own", "api/store.yaml:2 the schema and what it includes are larger than 1 MiB"}));

  const auto nodes = [](int more) {
    std::string list = "kit: 1\nenums: {A: [a";
    for (int i = 1; i < static_cast<int>(max_yaml_nodes) / 2; ++i) list += ", a";
    std::string rest = "kit: 1\nenums: {B: [a";
    for (int i = 1; i < static_cast<int>(max_yaml_nodes) / 2 - 200 + more; ++i) rest += ", a";
    return read_all(ManyFiles({{"a.yaml", list + "]}"}, {"b.yaml", rest + "]}"}}),
                    file_with("Own", "include: [a.yaml, b.yaml]\n"));
  };
  EXPECT_EQ(nodes(0), Texts{"Own"});
  EXPECT_EQ(nodes(400).back().substr(0, 52),
            "api/b.yaml:2 the schema has more than 50000 YAML nod");
}

}  // namespace
}  // namespace kitgen::schema
