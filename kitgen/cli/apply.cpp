// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/sha256.hpp"
#include "kit/base/text.hpp"
#include "kit/json/value.hpp"
#include "kitgen/cli/tree.hpp"

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;
using kit::json::Value;

const std::string journal_path = ".kit/journal.json";
const std::string stage_folder = ".kit/stage";

/// One rename or removal. The sums tell whether it was done already, and whether somebody else
/// wrote there meanwhile.
struct Operation {
  std::string path;
  std::string staged;  ///< "" for a removal
  std::string before_sum;
  std::string after_sum;
};
using Operations = std::vector<Operation>;

Value to_json(const Operations& operations) {
  Value::Array list;
  for (const Operation& each : operations) {
    list.push_back(Value::Object{{"path", each.path},
                                 {"staged", each.staged},
                                 {"before", each.before_sum},
                                 {"after", each.after_sum}});
  }
  return Value::Object{{"version", 1}, {"operations", std::move(list)}};
}

/// A journal may come with a clone: it moves what was staged, and never into version control's own
/// folder, whose hooks are run.
bool is_harmless(const Operation& operation) {
  const auto steps = kit::split(operation.path, '/');
  return (operation.staged.empty() || operation.staged.starts_with(stage_folder + "/")) &&
         std::ranges::find(steps, ".git") == steps.end();
}

Result<Operations> read_journal(std::string_view text) {
  const Error broken(Code::data_loss,
                     journal_path +
                         " cannot be read. Take the project from version control, or delete that "
                         "file and run again");
  auto document = Value::parse(text);
  const Value::Array* list = document ? (*document)["operations"].array() : nullptr;
  if (list == nullptr) return broken.clone();
  Operations operations;
  for (const Value& each : *list) {
    const std::string* path = each["path"].string();
    const std::string* staged = each["staged"].string();
    const std::string* before = each["before"].string();
    const std::string* after = each["after"].string();
    if (!path || !staged || !before || !after) return broken.clone();
    operations.push_back({*path, *staged, *before, *after});
    if (!is_harmless(operations.back())) return broken.clone();
  }
  return operations;
}

Result<std::string> sum_of(const Root& root, const std::string& path) {
  auto text = root.read(path);
  if (!text) return std::move(text).error();
  return *text ? kit::sha256_hex(**text) : std::string();
}

Result<> clear_stage(const Root& root) {
  auto names = root.list(stage_folder);
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    std::string path(stage_folder);
    path.append("/").append(name);
    KIT_TRY(root.remove(path));
  }
  return {};
}

enum class Moment : std::uint8_t { before_decision, after_decision, after_interruption };

/// Fails when somebody wrote there since the plan was made. `sum`: of what stands there.
Result<> check_unchanged(const std::string& sum, const Operation& operation, Moment moment) {
  if (sum == operation.before_sum) return {};
  if (moment == Moment::before_decision) {
    return Error(Code::aborted, operation.path + " changed while kitgen was running. Run it again");
  }
  if (sum.empty() || sum == operation.after_sum) return {};
  if (moment == Moment::after_decision) {
    return Error(
        Code::failed_precondition,
        operation.path +
            " changed while kitgen was replacing files, so it stopped in the middle. Run it "
            "again: it says how to go on");
  }
  return Error(Code::failed_precondition,
               operation.path +
                   " was edited after a run of kitgen was interrupted, which cannot be finished "
                   "now. Move your version of the file away, run again, and put it back");
}

Result<> check_unchanged(const Root& root, const Operation& operation, Moment moment) {
  auto sum = sum_of(root, operation.path);
  if (!sum) return std::move(sum).error();
  return check_unchanged(*sum, operation, moment);
}

Error stopped(const Error& error) {
  return Error(error.code(), error.message() +
                                 "; stopped in the middle. Mend that and run again, which finishes "
                                 "it");
}

Result<> carry_out(const Root& root, const Operation& operation, Moment moment) {
  if (operation.staged.empty()) return root.remove(operation.path);
  // Only after an interruption may it have been done already.
  kit::Result<std::optional<std::string>> staged = std::optional<std::string>("");
  if (moment == Moment::after_interruption) staged = root.read(operation.staged);
  if (!staged) return std::move(staged).error();
  if (*staged) return root.rename(operation.staged, operation.path);
  auto sum = sum_of(root, operation.path);
  if (!sum) return std::move(sum).error();
  if (*sum != operation.after_sum) return Error(Code::data_loss, operation.staged + " is gone");
  return {};
}

/// Everything after the decision. Doing it again does no harm.
Result<> carry_out(const Root& root, const Operations& operations, Moment moment, StepHook hook) {
  if (moment == Moment::after_interruption) {
    for (const Operation& each : operations) KIT_TRY(check_unchanged(root, each, moment));
  }
  for (const Operation& each : operations) {
    KIT_TRY(hook(each.path));
    const auto sum = sum_of(root, each.path);
    if (!sum) return stopped(sum.error());
    KIT_TRY(check_unchanged(*sum, each, moment));
    if (const auto done = carry_out(root, each, moment); !done) return stopped(done.error());
  }
  KIT_TRY(hook("make durable"));
  KIT_TRY(root.sync());
  KIT_TRY(hook("forget the journal"));
  KIT_TRY(root.remove(journal_path));
  KIT_TRY(hook("clear the stage"));
  return clear_stage(root);
}

/// Everything up to the decision: nothing of it shows.
class Staging {
 public:
  Staging(const Root& root, StepHook hook) : root_(root), hook_(hook) {}

  Result<Operations> stage(const Plan& plan) {
    for (const auto* changes : {&plan.changes, &plan.keeping}) {
      for (const Change& change : *changes) KIT_TRY(add(change));
    }
    if (plan.manifest_changed) KIT_TRY(add_manifest(plan.manifest));
    if (operations_.empty()) return std::move(operations_);
    KIT_TRY(hook_("write the journal"));
    const std::string draft = stage_folder + "/journal";
    KIT_TRY(root_.write(draft, to_json(operations_).to_text(), false));
    KIT_TRY(hook_("make the stage durable"));
    KIT_TRY(root_.sync());
    for (const Operation& each : operations_) {
      KIT_TRY(check_unchanged(root_, each, Moment::before_decision));
    }
    KIT_TRY(hook_("decide"));
    KIT_TRY(root_.rename(draft, journal_path));
    return std::move(operations_);
  }

 private:
  Result<> add(const Change& change) {
    if (change.writes()) {
      KIT_TRY(root_.check_place(change.path));
      return write(change.path, change.before_sum, change.text, change.executable);
    }
    if (change.action != Action::remove) return {};
    KIT_TRY(root_.check_place(change.path));
    operations_.push_back({change.path, "", change.before_sum, ""});
    return {};
  }

  Result<> add_manifest(const Manifest& manifest) {
    const std::string path(manifest_path);
    auto before = sum_of(root_, path);
    if (!before) return std::move(before).error();
    return write(path, *before, manifest.to_text(), false);
  }

  Result<> write(const std::string& path, const std::string& before_sum, std::string_view text,
                 bool executable) {
    std::string staged = stage_folder + "/" + std::to_string(operations_.size());
    // What a person set stays, also that nobody else may read it.
    auto permissions = root_.permissions(path);
    if (!permissions) return std::move(permissions).error();
    KIT_TRY(hook_("stage " + path));
    KIT_TRY(root_.write(staged, text, executable, *permissions));
    operations_.push_back({path, std::move(staged), before_sum, kit::sha256_hex(text)});
    return {};
  }

  const Root& root_;
  StepHook hook_;
  Operations operations_;
};

constexpr auto no_hook = [](std::string_view) -> Result<> { return {}; };

}  // namespace

Result<> apply(const Root& root, const Plan& plan, StepHook hook) {
  auto operations = Staging(root, hook).stage(plan);
  if (!operations) {
    auto interrupted = is_interrupted(root);
    if (interrupted && *interrupted) return std::move(operations).error();
    // What cannot be cleared now is cleared by the next run; the first error says more.
    static_cast<void>(clear_stage(root).ok());
    return Error(operations.error().code(), operations.error().message() + "; nothing was written");
  }
  if (operations->empty()) return {};
  KIT_TRY(root.sync());
  return carry_out(root, *operations, Moment::after_decision, hook);
}

Result<> apply(const Root& root, const Plan& plan) {
  return apply(root, plan, no_hook);
}

Result<bool> is_interrupted(const Root& root) {
  auto text = root.read(journal_path);
  if (!text) return std::move(text).error();
  return text->has_value();
}

Result<bool> recover(const Root& root, StepHook hook) {
  auto text = root.read(journal_path);
  if (!text) return std::move(text).error();
  if (!*text) {
    KIT_TRY(clear_stage(root));
    return false;
  }
  auto operations = read_journal(**text);
  if (!operations) return std::move(operations).error();
  KIT_TRY(carry_out(root, *operations, Moment::after_interruption, hook));
  return true;
}

Result<bool> recover(const Root& root) {
  return recover(root, no_hook);
}

}  // namespace kitgen::cli
