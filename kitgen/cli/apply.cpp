// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kit/base/sha256.hpp"
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

Value to_json(const std::vector<Operation>& operations) {
  Value::Array list;
  for (const Operation& each : operations) {
    list.push_back(Value::Object{{"path", each.path},
                                 {"staged", each.staged},
                                 {"before", each.before_sum},
                                 {"after", each.after_sum}});
  }
  return Value::Object{{"version", 1}, {"operations", std::move(list)}};
}

Result<std::vector<Operation>> read_journal(std::string_view text) {
  const Error broken(Code::data_loss, journal_path + " cannot be read");
  auto document = Value::parse(text);
  const Value::Array* list = document ? (*document)["operations"].array() : nullptr;
  if (list == nullptr) return broken.clone();
  std::vector<Operation> operations;
  for (const Value& each : *list) {
    const std::string* path = each["path"].string();
    const std::string* staged = each["staged"].string();
    const std::string* before = each["before"].string();
    const std::string* after = each["after"].string();
    if (!path || !staged || !before || !after) return broken.clone();
    operations.push_back({*path, *staged, *before, *after});
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

/// Everything after the decision. Doing it again does no harm. `check`: the files may have been
/// edited since the journal was written.
Result<> carry_out(const Root& root, const std::vector<Operation>& operations, bool check,
                   StepHook hook) {
  for (const Operation& each : operations) {
    if (!check) break;
    auto sum = sum_of(root, each.path);
    if (!sum) return std::move(sum).error();
    if (!sum->empty() && *sum != each.before_sum && *sum != each.after_sum) {
      return Error(
          Code::failed_precondition,
          each.path +
              " was edited after a run of kitgen was interrupted, which cannot be finished "
              "now. Move your version of the file away, run again, and put it back");
    }
  }
  for (const Operation& each : operations) {
    KIT_TRY(hook(each.path));
    if (each.staged.empty()) {
      KIT_TRY(root.remove(each.path));
      continue;
    }
    // Only after an interruption may it have been done already.
    kit::Result<std::optional<std::string>> staged = std::optional<std::string>("");
    if (check) staged = root.read(each.staged);
    if (!staged) return std::move(staged).error();
    if (*staged) {
      KIT_TRY(root.rename(each.staged, each.path));
      continue;
    }
    auto sum = sum_of(root, each.path);
    if (!sum) return std::move(sum).error();
    if (*sum != each.after_sum) return Error(Code::data_loss, each.staged + " is gone");
  }
  KIT_TRY(hook("make durable"));
  KIT_TRY(root.sync());
  KIT_TRY(hook("forget the journal"));
  KIT_TRY(root.remove(journal_path));
  KIT_TRY(hook("clear the stage"));
  return clear_stage(root);
}

constexpr auto no_hook = [](std::string_view) -> Result<> { return {}; };

}  // namespace

Result<> apply(const Root& root, const Plan& plan, StepHook hook) {
  std::vector<Operation> operations;
  const auto stage = [&](const std::string& path, const std::string& before, std::string_view text,
                         bool executable) -> Result<> {
    const std::string staged = stage_folder + "/" + std::to_string(operations.size());
    KIT_TRY(hook("stage " + path));
    KIT_TRY(root.write(staged, text, executable));
    operations.push_back({path, staged, before, kit::sha256_hex(text)});
    return {};
  };
  for (const Change& change : plan.changes) {
    if (change.action == Action::create || change.action == Action::rewrite) {
      KIT_TRY(stage(change.path, change.before_sum, change.text, change.executable));
    } else if (change.action == Action::remove) {
      operations.push_back({change.path, "", change.before_sum, ""});
    }
  }
  if (plan.manifest_changed) {
    const std::string path(manifest_path);
    auto before = sum_of(root, path);
    if (!before) return std::move(before).error();
    KIT_TRY(stage(path, *before, plan.manifest.to_text(), false));
  }
  if (operations.empty()) return {};
  KIT_TRY(hook("write the journal"));
  const std::string draft = stage_folder + "/journal";
  KIT_TRY(root.write(draft, to_json(operations).to_text(), false));
  KIT_TRY(hook("make the stage durable"));
  KIT_TRY(root.sync());
  KIT_TRY(hook("decide"));
  KIT_TRY(root.rename(draft, journal_path));
  KIT_TRY(root.sync());
  return carry_out(root, operations, false, hook);
}

Result<> apply(const Root& root, const Plan& plan) {
  return apply(root, plan, no_hook);
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
  KIT_TRY(carry_out(root, *operations, true, hook));
  return true;
}

Result<bool> recover(const Root& root) {
  return recover(root, no_hook);
}

}  // namespace kitgen::cli
