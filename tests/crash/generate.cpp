// SPDX-License-Identifier: Apache-2.0
// `kitgen generate` on a project that people have edited, and `kitgen new`.
#include <filesystem>

#include "tests/crash/scenario.hpp"
#include "tests/crash/tree.hpp"

namespace kit::crash {
namespace {

namespace fs = std::filesystem;

/// Between the two schemas files are made, rewritten, merged and removed, and no table changes.
constexpr const char* old_schema = R"(kit: 1
service: shop
entities:
  Item:
    fields:
      name: {type: string, max: 120}
    actions:
      rename: {input: {name: Item.name}, output: Item}
  Shelf:
    fields:
      name: {type: string, max: 80, unique: true}
    actions:
      clear: {output: Shelf}
    import: {csv: {key: Id, columns: {Name: name}}}
  Supplier:
    fields:
      name: {type: string, max: 80}
)";
constexpr const char* new_schema = R"(kit: 1
service: shop
doc: A shop.
entities:
  Item:
    doc: Something to sell.
    fields:
      name: {type: string, max: 120}
    actions:
      rename: {input: {name: Item.name}, output: Item}
      retire: {output: Item}
    import: {csv: {key: Id, columns: {Name: name}}}
  Shelf:
    fields:
      name: {type: string, max: 80, unique: true}
  Supplier:
    fields:
      name: {type: string, max: 80}
    actions:
      block: {output: Supplier}
)";

class Generate final : public Scenario {
 public:
  explicit Generate(const Settings& settings)
      : settings_(settings),
        old_(settings.folder + "/generate_old"),
        new_(settings.folder + "/generate_new"),
        work_(settings.folder + "/generate") {
    write_file(old_ + "/api/shop.yaml", old_schema);
    must({settings.kitgen, "generate"}, old_);
    const std::string edited = old_ + "/internal/service/item_service.cpp";
    std::string text = read_file(edited);
    text.insert(text.find("  co_await work->commit();"), "  log_rename(item);\n");
    write_file(edited, text);
    write_file(old_ + "/api/shop.yaml", new_schema);
    copy_folder(old_, new_);
    must({settings.kitgen, "generate"}, new_);
    old_tree_ = tree_of(old_);
    new_tree_ = tree_of(new_);
  }

  std::string name() const override { return "generate"; }
  void reset() override { copy_folder(old_, work_); }
  std::string folder() const override { return work_; }
  std::vector<std::string> command() const override {
    if (settings_.fault == "generate") {
      return {settings_.self, "--unsafe-writer=copy", new_, work_};
    }
    return {settings_.kitgen, "generate"};
  }

  Verdict verdict() override {
    Verdict verdict;
    const Ran check = run({settings_.kitgen, "generate", "--check"}, work_);
    const Tree tree = tree_of(work_);
    const bool is_interrupted = check.output.find("was interrupted here") != std::string::npos;
    if (check.code == 0) {
      verdict.found = Found::new_state;
      if (tree != new_tree_) verdict.problem = "--check is content with another tree";
    } else if (is_interrupted) {
      verdict.found = Found::half_way;
    } else if (tree != old_tree_) {
      verdict.problem = "the tree is neither old nor new at " + difference(tree, old_tree_) +
                        ", and --check does not say that a run was interrupted";
    }
    const Ran again = run({settings_.kitgen, "generate"}, work_);
    if (!verdict.problem.empty()) return verdict;
    const std::string differs = difference(tree_of(work_), new_tree_);
    if (again.code != 0) verdict.problem = "the next run ends with " + again.output;
    if (!differs.empty()) verdict.problem = "the next run does not end in the new tree: " + differs;
    if (fs::exists(work_ + "/.kit/journal.json") ||
        (fs::exists(work_ + "/.kit/stage") && !fs::is_empty(work_ + "/.kit/stage"))) {
      verdict.problem = "the next run leaves a journal or staged files";
    }
    return verdict;
  }

 private:
  Settings settings_;
  std::string old_;
  std::string new_;
  std::string work_;
  Tree old_tree_;
  Tree new_tree_;
};

/// `kitgen new`, into a folder that is not there or into an empty one.
class New final : public Scenario {
 public:
  New(const Settings& settings, bool is_inside)
      : settings_(settings),
        is_inside_(is_inside),
        work_(settings.folder + "/new"),
        made_(work_ + "/shop") {
    reset();
    must({settings.kitgen, "new", "shop"}, work_);
    new_tree_ = tree_of(made_);
  }

  std::string name() const override { return is_inside_ ? "new inside" : "new"; }
  void reset() override {
    fs::remove_all(work_);
    fs::create_directories(is_inside_ ? made_ : work_);
  }
  std::string folder() const override { return work_; }
  std::vector<std::string> command() const override { return {settings_.kitgen, "new", "shop"}; }

  Verdict verdict() override {
    Verdict verdict;
    std::vector<std::string> next = command();
    if (fs::exists(made_ + "/.kit/journal.json")) {
      verdict.found = Found::half_way;
      if (!is_inside_) verdict.problem = "half a project is there";
      next = {settings_.kitgen, "generate", "--project=shop"};
    } else if (fs::exists(made_ + "/.kit/manifest.json")) {
      verdict.found = Found::new_state;
      next = {settings_.kitgen, "generate", "--project=shop", "--check"};
    } else if (!is_inside_ && fs::exists(made_)) {
      verdict.problem = "a folder is there, but no project";
    }
    const Ran again = run(next, work_);
    if (again.code != 0) verdict.problem = "the next run ends with " + again.output;
    const std::string differs = difference(tree_of(made_), new_tree_);
    if (!differs.empty()) verdict.problem = "the next run does not end in the project: " + differs;
    if (verdict.found == Found::old_state && fs::exists(work_ + "/.shop.kitgen-new")) {
      verdict.problem = "the next run leaves the staged project";
    }
    return verdict;
  }

 private:
  Settings settings_;
  bool is_inside_;
  std::string work_;
  std::string made_;
  Tree new_tree_;
};

}  // namespace

std::unique_ptr<Scenario> make_generate(const Settings& settings) {
  return std::make_unique<Generate>(settings);
}

std::unique_ptr<Scenario> make_new(const Settings& settings, bool is_inside) {
  return std::make_unique<New>(settings, is_inside);
}

}  // namespace kit::crash
