// SPDX-License-Identifier: Apache-2.0
// What a person wrote goes on under the names of today.
#include "kitgen/cli/renamed.hpp"

#include "kitgen/cli/test_command.hpp"
#include "kitgen/cli/test_tree.hpp"

namespace kitgen::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Renamer, knows_every_form_of_a_name) {
  const Renamer renamer({{"MediaType", "Kind", "media_types", "kinds"}});
  const auto check = [&](const std::string& text, const std::string& wanted) {
    EXPECT_EQ(renamer.renamed(text), wanted);
  };
  check("biz::MediaTypeId id", "biz::KindId id");
  check("MediaTypeService::close", "KindService::close");
  check("internal/biz/media_type_repository.gen.hpp", "internal/biz/kind_repository.gen.hpp");
  check("work->media_types().find(id)", "work->kinds().find(id)");
  check("\"close of media types is not written yet\"", "\"close of kinds is not written yet\"");
  check("MEDIA_TYPE_NAME_TAKEN", "KIND_NAME_TAKEN");
  check("MediaTypes", "Kinds");
  // Other words that only contain it.
  for (const char* other : {"multimedia_type", "MediaTyped", "media_typed", "XMediaType"}) {
    check(other, other);
  }
}

TEST(Renamer, two_names_change_places) {
  const Renamer renamer({{"One", "Two", "ones", "twos"}, {"Two", "One", "twos", "ones"}});
  EXPECT_EQ(renamer.renamed("One one; Two two; ones, twos"), "Two two; One one; twos, ones");
}

TEST(Renamer, what_a_person_wrote_keeps_its_names) {
  const Renamer renamer({{"One", "Two", "ones", "twos"}});
  EXPECT_EQ(renamer.follow("one\nx\n", "one\r\nmine one\nx"), "two\r\nmine one\nx");
  EXPECT_THAT(renamer.old_names("two\nmine one\none\n", "two\none\n"), ElementsAre(2U));
  EXPECT_THAT(renamer.old_names("two\n", ""), IsEmpty());
}

/// Killed anywhere, it is the old tree or becomes the new one.
TEST_F(TreeTest, a_killed_move_loses_nothing) {
  const std::vector<render::File> before = {started("biz/one.cpp", "One\nend\n")};
  const std::vector<render::File> next = {started("biz/two.cpp", "Two\nend\n")};
  PlanOptions options;
  options.renames = {{"One", "Two", "ones", "twos"}};
  for (int death = 0;; ++death) {
    std::filesystem::remove_all(folder.path("biz"));
    std::filesystem::remove_all(folder.path(".kit"));
    generate(before);
    folder.write("biz/one.cpp", "One\n// mine\nend\n");
    const auto old = folder.tree();
    int step = 0;
    const auto die = [&](std::string_view) -> kit::Result<> {
      if (step++ == death) return kit::Error(kit::Code::aborted, "killed");
      return {};
    };
    const bool is_done = apply(root, plan(next, options), die).ok();
    ASSERT_TRUE(recover(root).ok()) << death;
    if (folder.tree() == old) continue;
    EXPECT_EQ(folder.tree().size(), 1U) << death;
    EXPECT_EQ(folder.read("biz/two.cpp"), "Two\n// mine\nend\n") << death;
    EXPECT_TRUE(plan(next).is_clean()) << death;
    if (is_done) break;
  }
}

const std::string old_service = "internal/service/customer_service.cpp";
const std::string new_service = "internal/service/client_service.cpp";

class RenamedTest : public CommandTest {
 protected:
  static std::string entity(const std::string& name, const std::string& former = "") {
    return "  " + name + ":\n" + (former.empty() ? "" : "    renamed_from: " + former + "\n") +
           "    fields:\n      name: {type: string, max: 120}\n    actions:\n"
           "      close: {input: {reason: string}, output: " +
           name +
           "}\n"
           "      open: {output: " +
           name + "}\n";
  }
  void schema(const std::string& entities, const std::string& service = "shop") {
    folder.write("api/shop.yaml", "kit: 1\nservice: " + service + "\nentities:\n" + entities);
  }
  Outcome generate(std::vector<std::string> words = {}) {
    words.insert(words.begin(), "generate");
    return kitgen(std::move(words));
  }
  void replace(const std::string& file, const std::string& from, const std::string& to) {
    std::string text = folder.read(file);
    ASSERT_NE(text.find(from), std::string::npos) << from << " in\n" << text;
    folder.write(file, text.replace(text.find(from), from.size(), to));
  }
  std::map<std::string, std::string> everything() {
    auto files = folder.tree();
    files["manifest"] = folder.read(".kit/manifest.json");
    return files;
  }
  /// A project whose stubs have a person's code.
  void SetUp() override {
    schema(entity("Customer"));
    ASSERT_EQ(generate().code, 0);
    replace(old_service, "  co_await work->customers().save(customer);\n",
            "  audit(customer);\n  co_await work->customers().save(customer);\n");
    replace("internal/biz/customer.cpp", "  return kit::Error(",
            "  count();\n  return kit::Error(");
  }
};

TEST_F(RenamedTest, the_code_of_a_renamed_entity_goes_to_the_new_files) {
  const auto before = everything();
  schema(entity("Client", "Customer"));
  EXPECT_THAT(generate({"--dry-run"}).out,
              HasSubstr("  move    " + old_service + " -> " + new_service + "\n"));
  EXPECT_THAT(generate({"--check"}).err, HasSubstr("  move    " + old_service));
  EXPECT_THAT(generate({"--diff"}).out,
              AllOf(HasSubstr("+++ b/" + new_service), HasSubstr("--- a/" + old_service)));
  schema(entity("Customer"));
  EXPECT_EQ(everything(), before);
  schema(entity("Client", "Customer"));
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("  move    " + old_service + " -> " + new_service + "\n"),
                    HasSubstr("  move    internal/biz/customer.cpp -> internal/biz/client.cpp\n"),
                    HasSubstr("Customer is now Client. Lines that you wrote keep the old name"),
                    HasSubstr("  " + new_service + ": line 1"), Not(HasSubstr("keep  "))));
  EXPECT_FALSE(folder.has(old_service));
  EXPECT_FALSE(folder.has("internal/biz/customer.hpp"));
  EXPECT_FALSE(folder.has(".kit/pristine/" + old_service));
  EXPECT_THAT(folder.read(new_service),
              AllOf(HasSubstr("ClientService::close(biz::ClientId id"),
                    HasSubstr("  audit(customer);\n  co_await work->clients().save(client);\n"),
                    HasSubstr("\"internal/biz/client.hpp\"")));
  EXPECT_THAT(folder.read("internal/biz/client.cpp"),
              AllOf(HasSubstr("close(Client&, ClientCloseInput) {\n  count();\n"),
                    Not(HasSubstr("ustomer"))));
  EXPECT_EQ(generate({"--check"}).code, 0);
}

TEST_F(RenamedTest, also_when_the_name_was_told_on_the_command_line) {
  schema(entity("Client"));
  const Outcome outcome = generate({"--rename", "customers=clients"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(folder.read(new_service), HasSubstr("audit(customer);"));
  EXPECT_FALSE(folder.has(old_service));
}

TEST_F(RenamedTest, more_may_change_at_once) {
  std::string client = entity("Client", "Customer") + "      retire: {output: Client}\n";
  schema(client);
  ASSERT_EQ(generate().code, 0);
  EXPECT_THAT(folder.read(new_service),
              AllOf(HasSubstr("audit(customer);"), HasSubstr("ClientService::retire")));
}

/// The migrations do not allow it in one step, the files do.
TEST_F(TreeTest, renamed_files_change_places) {
  generate({started("biz/one.cpp", "One\nend\n"), started("biz/two.cpp", "Two\nend\n")});
  folder.write("biz/one.cpp", "One\n// mine\nend\n");
  PlanOptions options;
  options.renames = {{"One", "Two", "ones", "twos"}, {"Two", "One", "twos", "ones"}};
  generate({started("biz/one.cpp", "One\nend\n"), started("biz/two.cpp", "Two\nend\n")}, options);
  EXPECT_EQ(folder.read("biz/two.cpp"), "Two\n// mine\nend\n");
  EXPECT_EQ(folder.read("biz/one.cpp"), "One\nend\n");
  EXPECT_TRUE(plan({started("biz/one.cpp", "One\nend\n"), started("biz/two.cpp", "Two\nend\n")})
                  .is_clean());
  // One takes the name, another one is new.
  options.renames = {{"Two", "Three", "twos", "threes"}};
  const std::vector<render::File> next = {started("biz/three.cpp", "Three\nend\n"),
                                          started("biz/two.cpp", "Two\nnew\n")};
  generate(next, options);
  EXPECT_EQ(folder.read("biz/three.cpp"), "Three\n// mine\nend\n");
  EXPECT_EQ(folder.read("biz/two.cpp"), "Two\nnew\n");
  EXPECT_TRUE(plan(next).is_clean());
}

TEST_F(RenamedTest, a_file_that_was_moved_by_hand_is_followed) {
  std::filesystem::rename(folder.path(old_service), folder.path(new_service));
  schema(entity("Client", "Customer"));
  ASSERT_EQ(generate().code, 0);
  EXPECT_THAT(folder.read(new_service),
              AllOf(HasSubstr("ClientService::close"), HasSubstr("audit(customer);")));
  EXPECT_EQ(generate({"--check"}).code, 0);
}

TEST_F(RenamedTest, a_file_in_the_new_place_stays_and_so_does_the_old_one) {
  folder.write(new_service, "// mine\n");
  const std::string mine = folder.read(old_service);
  schema(entity("Client", "Customer"));
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(folder.read(new_service), "// mine\n");
  EXPECT_EQ(folder.read(old_service), mine);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("keep    " + old_service), HasSubstr(new_service)));
}

TEST_F(RenamedTest, a_deleted_one_stays_away_under_the_new_name) {
  std::filesystem::remove(folder.path(old_service));
  ASSERT_EQ(generate().code, 0);
  schema(entity("Client", "Customer"));
  ASSERT_EQ(generate().code, 0);
  EXPECT_FALSE(folder.has(new_service));
  EXPECT_EQ(generate({"--check"}).code, 0);
}

TEST_F(RenamedTest, lines_that_both_changed_are_a_conflict_in_the_new_file) {
  replace(old_service, "close(biz::CustomerId id, biz::CustomerCloseInput input)",
          "close(biz::CustomerId which, biz::CustomerCloseInput input)");
  schema(entity("Client", "Customer"));
  replace("api/shop.yaml", "{reason: string}, ", "{reason: string, day: date}, ");
  replace("api/shop.yaml", "output: Client}", "emits: Closed}");
  folder.write("api/shop.yaml",
               folder.read("api/shop.yaml") + "    events: {Closed: {id: Client.id}}\n");
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("  " + new_service + ":"));
  EXPECT_THAT(folder.read(new_service), HasSubstr("<<<<<<< yours\n"));
  EXPECT_FALSE(folder.has(old_service));
}

TEST_F(RenamedTest, a_renamed_service_reaches_its_main) {
  std::filesystem::remove_all(folder.path(".kit"));
  ASSERT_EQ(kitgen({"new", "music"}).code, 0);
  directory = "music";
  replace("music/main.cpp", "#include <vector>\n", "#include <vector>\n// mine: music::now\n");
  replace("music/api/music.yaml", "service: music", "service: records");
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(folder.read("music/main.cpp"),
              AllOf(HasSubstr("#include \"internal/records.gen.hpp\""),
                    HasSubstr(".make_service = records::make_service"), HasSubstr("// mine"),
                    HasSubstr(".name = \"music\"")));
  // The database stays where it is.
  EXPECT_THAT(folder.read("music/config/base.yaml"), HasSubstr("path: music.db"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("music is now records."), HasSubstr("main.cpp: line ")));
  EXPECT_EQ(generate({"--check"}).code, 0);
}

TEST_F(RenamedTest, a_main_that_kitgen_did_not_start_is_named) {
  folder.write("main.cpp", "#include \"internal/shop.gen.hpp\"\nint main() {}\n");
  schema(entity("Customer"), "store");
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("shop is now store."), HasSubstr("main.cpp: line 1\n")));
  EXPECT_THAT(folder.read(old_service),
              AllOf(HasSubstr("namespace store::service {"), HasSubstr("audit(customer);")));
}

}  // namespace
}  // namespace kitgen::cli
