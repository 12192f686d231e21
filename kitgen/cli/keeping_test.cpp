// SPDX-License-Identifier: Apache-2.0
// What kitgen remembers, and what it does when that does not fit.
#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* two_entities = R"(kit: 1
service: shop
entities:
  Item:
    fields: {name: {type: string, max: 120}}
    actions: {close: {output: Item}}
  Box:
    fields: {name: {type: string, max: 120}}
    actions: {close: {output: Box}}
)";

class KeepingTest : public CommandTest {
 protected:
  void SetUp() override {
    folder.write("api/shop.yaml", two_entities);
    ASSERT_EQ(kitgen({"generate"}).code, 0);
  }
  void remove_box() {
    std::string text = two_entities;
    folder.write("api/shop.yaml", text.substr(0, text.find("  Box:")));
  }
  Outcome generate(const std::string& more) { return kitgen({"generate", more}); }
};

TEST_F(KeepingTest, a_lost_manifest_stops_the_run) {
  const std::string manifest = folder.read(".kit/manifest.json");
  folder.write("internal/biz/item.cpp", folder.read("internal/biz/item.cpp") + "// mine\n");
  std::filesystem::remove(folder.path(".kit/manifest.json"));
  remove_box();
  const auto before = folder.tree();
  for (const char* mode : {"--verbose", "--check", "--dry-run", "--diff"}) {
    const Outcome outcome = generate(mode);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(".kit/manifest.json is missing"),
                                   HasSubstr("git checkout -- .kit/manifest.json")));
  }
  EXPECT_EQ(folder.tree(), before);
  EXPECT_FALSE(folder.has(".kit/manifest.json"));
  folder.write("api/shop.yaml", two_entities);
  folder.write(".kit/manifest.json", manifest);
  EXPECT_EQ(generate("--check").code, 0);
  // The other way that the message names.
  std::filesystem::remove(folder.path(".kit/manifest.json"));
  std::filesystem::remove_all(folder.path(".kit/pristine"));
  EXPECT_EQ(kitgen({"generate"}).code, 0);
  EXPECT_EQ(folder.read("internal/biz/item.cpp"), before.at("internal/biz/item.cpp"));
}

TEST_F(KeepingTest, an_edited_generated_file_of_a_removed_entity_is_kept_where_no_build_finds_it) {
  const std::string file = "internal/biz/box.gen.cpp";
  const std::string mine = folder.read(file) + "// mine\n";
  folder.write(file, mine);
  folder.write("internal/biz/box.cpp", folder.read("internal/biz/box.cpp") + "// mine\n");
  remove_box();
  const Outcome plan = kitgen({"generate", "--dry-run", "--allow-destructive"});
  EXPECT_THAT(plan.out, HasSubstr("keep    " + file));
  const Outcome outcome = generate("--allow-destructive");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("keep    " + file +
                              "  (no longer generated, but edited: kept as "
                              "box.gen.cpp.orphan, which is not built)"),
                    HasSubstr("keep    internal/biz/box.cpp  (no longer generated, but edited: "
                              "yours now. It is still built")));
  EXPECT_FALSE(folder.has(file));
  EXPECT_EQ(folder.read(file + ".orphan"), mine);
  EXPECT_EQ(generate("--check").code, 0);
  // Once more, with something else: neither is lost.
  folder.write("api/shop.yaml", two_entities);
  ASSERT_EQ(kitgen({"generate"}).code, 0);
  folder.write(file, folder.read(file) + "// another\n");
  remove_box();
  ASSERT_EQ(generate("--allow-destructive").code, 0);
  EXPECT_EQ(folder.read(file + ".orphan"), mine);
  EXPECT_THAT(folder.read(file + ".orphan2"), HasSubstr("// another"));
}

TEST_F(KeepingTest, a_second_schema_does_not_replace_the_first_one) {
  folder.write("api/store.yaml",
               "kit: 1\nservice: store\nentities:\n  Shelf:\n    fields: {width: int32}\n");
  const auto before = folder.tree();
  for (const char* output : {"--output=internal", "--verbose"}) {
    const Outcome outcome = kitgen({"generate", "api/store.yaml", output, "--allow-destructive"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("this project follows api/shop.yaml"), HasSubstr("api/store.yaml"),
                      HasSubstr("kitgen new NAME --dir DIR"), HasSubstr("Nothing was written")));
  }
  EXPECT_EQ(folder.tree(), before);
  EXPECT_EQ(kitgen({"generate", "api/shop.yaml", "--check"}).code, 0);
  // The schema's own file may get another name.
  std::filesystem::remove(folder.path("api/store.yaml"));
  std::filesystem::rename(folder.path("api/shop.yaml"), folder.path("api/music.yaml"));
  const Outcome moved = kitgen({"generate"});
  EXPECT_EQ(moved.code, 0) << moved.err;
  EXPECT_THAT(folder.read(".kit/manifest.json"), HasSubstr("\"schema\": \"api/music.yaml\""));
}

TEST_F(KeepingTest, the_layers_stay_in_their_folder) {
  const auto before = folder.tree();
  check_failure({"generate", "--output", "src"}, "the layers of this project are in internal/");
  EXPECT_EQ(folder.tree(), before);
  EXPECT_EQ(kitgen({"generate", "--output", "internal", "--check"}).code, 0);
  // Another one is given once, not on every run.
  folder.write("other/api/shop.yaml", two_entities);
  directory = "other";
  ASSERT_EQ(kitgen({"generate", "--output", "src/made"}).code, 0);
  const Outcome again = generate("--check");
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_FALSE(folder.has("other/internal"));
}

TEST_F(KeepingTest, a_manifest_does_not_lead_into_other_folders) {
  const std::string manifest = folder.read(".kit/manifest.json");
  const auto before = folder.tree();
  for (const char* output : {"..", "../x", ".git", "/tmp", "migrations", "a/../../b"}) {
    std::string other = manifest;
    const std::string key = "\"output\": \"internal\"";
    folder.write(
        ".kit/manifest.json",
        other.replace(other.find(key), key.size(), "\"output\": \"" + std::string(output) + "\""));
    EXPECT_EQ(generate("--verbose").code, 1) << output;
  }
  EXPECT_EQ(folder.tree(), before);
}

TEST_F(KeepingTest, a_run_below_the_project_says_where_that_is) {
  directory = "internal/biz";
  check_failure({"generate"}, "the project is in /");
  check_failure({"generate"}, "say --project /");
}

TEST_F(KeepingTest, check_says_what_stands_in_the_way_and_nothing_more) {
  folder.write("internal/biz/item.cpp", folder.read("internal/biz/item.cpp") +
                                            "<<<<<<< yours\na\n||||||| before\n=======\nb\n"
                                            ">>>>>>> kitgen\n");
  const Outcome outcome = generate("--check");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("is a conflict marker"),
                                 Not(HasSubstr("not up to date; kitgen generate would"))));
}

TEST_F(KeepingTest, a_text_about_conflicts_blocks_nothing) {
  const std::string mine =
      "const char* help = R\"(\n<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> main\n"
      "<<<<<<< \n)\";\n";
  folder.write("internal/biz/item.cpp", folder.read("internal/biz/item.cpp") + mine);
  EXPECT_EQ(generate("--check").code, 0);
  std::string schema = two_entities;
  schema.insert(schema.find("close"), "open: {output: Item}, ");
  folder.write("api/shop.yaml", schema);
  const Outcome outcome = kitgen({"generate"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(folder.read("internal/biz/item.cpp"), AllOf(HasSubstr(mine), HasSubstr("open(")));
}

}  // namespace
}  // namespace kitgen::cli
