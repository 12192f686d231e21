// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kit/base/sha256.hpp"
#include "kitgen/cli/diff.hpp"
#include "kitgen/cli/evolution.hpp"
#include "kitgen/cli/tree.hpp"
#include "kitgen/evolve/snapshot.hpp"

namespace kitgen::cli {
namespace {

using kit::Result;
using kit::sha256_hex;

constexpr std::size_t diff_lines = 20;
constexpr std::string_view migrations_folder = "migrations/";

bool is_migration(const std::string& path) {
  return path.starts_with(migrations_folder);
}

class Planner {
 public:
  Planner(const Root& root, const PlanOptions& options, Manifest before)
      : root_(root), options_(options), before_(std::move(before)) {}

  Result<Plan> plan(std::vector<render::File> wanted) {
    std::ranges::sort(wanted, {}, &render::File::path);
    for (render::File& file : wanted) KIT_TRY(add(std::move(file)));
    for (const auto& [path, kept] : before_.files) KIT_TRY(add_orphan(path, kept));
    std::ranges::sort(plan_.changes, {}, &Change::path);
    plan_.manifest_changed = plan_.manifest.to_text() != before_.to_text();
    return std::move(plan_);
  }

 private:
  const Kept* known(const std::string& path) const {
    const auto found = before_.files.find(path);
    return found == before_.files.end() ? nullptr : &found->second;
  }

  void put(Action action, render::File&& file, const std::optional<std::string>& there,
           Keeping keeping, std::string sum) {
    plan_.manifest.files[file.path] = {std::move(sum), keeping};
    Change change;
    change.action = action;
    change.path = std::move(file.path);
    change.executable = file.is_executable;
    if (there) change.before_sum = sha256_hex(*there);
    if (action != Action::unchanged) change.text = std::move(file.text);
    plan_.changes.push_back(std::move(change));
  }

  Result<> add(render::File&& file) {
    auto there = root_.read(file.path);
    if (!there) return std::move(there).error();
    if (is_migration(file.path)) return add_migration(std::move(file), *there);
    if (file.path == evolve::snapshot_path) return add_snapshot(std::move(file), *there);
    std::string sum = sha256_hex(file.text);
    if (file.ownership == render::Ownership::started) {
      // The sum stays that of what was started, so that it tells an untouched file from an edited
      // one.
      const Kept* kept = known(file.path);
      if (*there && kept != nullptr) sum = kept->sha256;
      put(*there ? Action::unchanged : Action::create, std::move(file), *there, Keeping::started,
          std::move(sum));
      return {};
    }
    if (!*there) {
      put(Action::create, std::move(file), *there, Keeping::generated, std::move(sum));
    } else if (**there == file.text) {
      put(Action::unchanged, std::move(file), *there, Keeping::generated, std::move(sum));
    } else {
      const Kept* kept = known(file.path);
      const bool untouched = kept != nullptr && kept->sha256 == sha256_hex(**there);
      if (!untouched && !options_.discard_edits) {
        plan_.edited.push_back(
            {file.path, unified_diff(file.text, **there, diff_lines), kept != nullptr});
      }
      put(Action::rewrite, std::move(file), *there, Keeping::generated, std::move(sum));
    }
    return {};
  }

  /// A migration is history: only --recreate-migrations writes one that is there already.
  Result<> add_migration(render::File&& file, const std::optional<std::string>& there) {
    const std::string sum = sha256_hex(statements_of(file.text));
    const bool differs = there && sha256_hex(statements_of(*there)) != sum;
    const bool rewrite = differs && options_.recreate_migrations;
    put(!there    ? Action::create
        : rewrite ? Action::rewrite
                  : Action::unchanged,
        std::move(file), there, Keeping::migration, sum);
    return {};
  }

  /// The snapshot is merged by version control, line by line: no sum of it is kept.
  Result<> add_snapshot(render::File&& file, const std::optional<std::string>& there) {
    const std::string path = file.path;
    const Action action = !there                ? Action::create
                          : *there == file.text ? Action::unchanged
                                                : Action::rewrite;
    put(action, std::move(file), there, Keeping::generated, "");
    plan_.manifest.files.erase(path);
    return {};
  }

  Result<> add_orphan(const std::string& path, const Kept& kept) {
    if (plan_.manifest.files.contains(path)) return {};
    auto there = root_.read(path);
    if (!there) return std::move(there).error();
    if (!*there) return {};
    const bool migration = kept.keeping == Keeping::migration;
    if (migration && !options_.recreate_migrations) {
      plan_.manifest.files[path] = kept;
      return {};
    }
    const std::string sum = sha256_hex(migration ? statements_of(**there) : **there);
    Change change;
    change.action = sum == kept.sha256 ? Action::remove : Action::keep_orphan;
    change.path = path;
    change.before_sum = sha256_hex(**there);
    plan_.changes.push_back(std::move(change));
    return {};
  }

  const Root& root_;
  const PlanOptions& options_;
  Manifest before_;
  Plan plan_;
};

}  // namespace

std::string_view name(Action action) {
  switch (action) {
    case Action::create:
      return "create";
    case Action::rewrite:
      return "rewrite";
    case Action::remove:
      return "remove";
    case Action::keep_orphan:
      return "keep";
    case Action::unchanged:
      break;
  }
  return "unchanged";
}

std::size_t Plan::count(Action action) const {
  return static_cast<std::size_t>(std::ranges::count(changes, action, &Change::action));
}

bool Plan::is_clean() const {
  return edited.empty() && count(Action::create) == 0 && count(Action::rewrite) == 0 &&
         count(Action::remove) == 0;
}

Result<Plan> make_plan(const Root& root, std::vector<render::File> wanted,
                       const PlanOptions& options) {
  auto text = root.read(std::string(manifest_path));
  if (!text) return std::move(text).error();
  Manifest before;
  if (*text) {
    auto parsed = Manifest::parse(**text);
    if (!parsed) return std::move(parsed).error();
    before = std::move(*parsed);
  }
  return Planner(root, options, std::move(before)).plan(std::move(wanted));
}

}  // namespace kitgen::cli
