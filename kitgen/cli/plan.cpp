// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "kit/base/sha256.hpp"
#include "kitgen/cli/diff.hpp"
#include "kitgen/cli/lines.hpp"
#include "kitgen/cli/migration_set.hpp"
#include "kitgen/cli/moves.hpp"
#include "kitgen/cli/started.hpp"
#include "kitgen/cli/tree.hpp"
#include "kitgen/cli/written.hpp"
#include "kitgen/evolve/snapshot.hpp"

namespace kitgen::cli {
namespace {

using kit::Result;
using kit::sha256_hex;

constexpr std::size_t diff_lines = 20;
constexpr std::string_view orphan_end = ".orphan";
constexpr std::string_view migrations_folder = "migrations/";

bool is_migration(const std::string& path) {
  return path.starts_with(migrations_folder);
}

class Planner {
 public:
  Planner(const Root& root, const PlanOptions& options, Manifest before)
      : root_(root), options_(options), before_(std::move(before)), renamer_({}) {}

  Result<Plan> plan(std::vector<render::File> wanted) {
    std::ranges::sort(wanted, {}, &render::File::path);
    find_renames(wanted);
    std::optional<std::string> written;
    KIT_TRY(read_into(std::string(written_path), written));
    if (written) written_ = WrittenTexts::parse(*written);
    for (render::File& file : wanted) KIT_TRY(add(std::move(file)));
    for (const auto& [path, kept] : before_.files) KIT_TRY(add_orphan(path, kept));
    KIT_TRY(look_at_main());
    keep_text(std::string(written_path), written, written_now_.to_text());
    std::ranges::sort(plan_.changes, {}, &Change::path);
    std::ranges::sort(plan_.old_names, {}, &Note::path);
    std::ranges::sort(plan_.notes, {}, &Note::path);
    plan_.manifest.project = before_.project;
    plan_.manifest.output = options_.output.empty() ? before_.output : options_.output;
    plan_.manifest.schema = options_.schema.empty() ? before_.schema : options_.schema;
    plan_.manifest_changed = plan_.manifest.to_text() != before_.to_text();
    return std::move(plan_);
  }

 private:
  void find_renames(const std::vector<render::File>& wanted) {
    plan_.renames = options_.renames;
    if (auto service = renamed_service(before_, wanted)) plan_.renames.push_back(*service);
    renamer_ = Renamer(plan_.renames);
    moves_ = find_moves(before_, wanted, plan_.renames);
    for (const auto& [path, former] : moves_) moved_away_[former] = path;
  }

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
    if (there) {
      change.before = *there;
      change.before_sum = sha256_hex(*there);
    }
    if (action != Action::unchanged) change.text = std::move(file.text);
    plan_.changes.push_back(std::move(change));
  }

  Result<> add(render::File&& file) {
    auto there = root_.read(file.path);
    if (!there) return std::move(there).error();
    if (is_migration(file.path)) return add_migration(std::move(file), *there);
    if (evolve::is_snapshot(file.path)) return add_snapshot(std::move(file), *there);
    if (file.ownership == render::Ownership::started) return add_started(std::move(file), *there);
    std::string sum = sha256_hex(file.text);
    written_now_.put(file.path, file.text);
    if (!*there) {
      put(Action::create, std::move(file), *there, Keeping::generated, std::move(sum));
    } else if (plain_text(**there) == plain_text(file.text)) {
      put(Action::unchanged, std::move(file), *there, Keeping::generated, std::move(sum));
    } else {
      const Kept* kept = known(file.path);
      const bool untouched = kept != nullptr && has_sum(**there, kept->sha256);
      if (!untouched && !options_.discard_edits) KIT_TRY(add_edited(file, **there, kept));
      file.text = in_the_form_of(**there, file.text);
      put(Action::rewrite, std::move(file), *there, Keeping::generated, std::move(sum));
    }
    return {};
  }

  /// What the person changed, as far as the text that kitgen wrote last is known.
  Result<> add_edited(const render::File& file, const std::string& there, const Kept* kept) {
    const std::string* last = written_.find(file.path);
    std::string before = plain_text(file.text);
    bool from_last = kept != nullptr && has_sum(file.text, kept->sha256);
    if (kept != nullptr && last != nullptr && has_sum(*last, kept->sha256)) {
      before = plain_text(*last);
      from_last = true;
    }
    plan_.edited.push_back({file.path, unified_diff(before, plain_text(there), diff_lines),
                            kept != nullptr, from_last});
    return {};
  }

  /// A started file, wherever it was at the last run.
  struct Origin {
    std::string last;  ///< What the manifest calls it; "" for one that is new.
    std::string from;  ///< Where it stands, when that is another place than today's.
  };

  Result<Origin> origin(const std::string& path, bool is_there) const {
    const auto move = moves_.find(path);
    const bool leaves = moved_away_.contains(path);
    if (move == moves_.end()) return Origin{leaves ? "" : path, ""};
    std::optional<std::string> former;
    KIT_TRY(read_into(move->second, former));
    if (!is_there || leaves) return Origin{move->second, former ? move->second : ""};
    // A person moved it already; or it is somebody else's, and both stay where they are.
    return Origin{former ? path : move->second, ""};
  }

  Result<> add_started(render::File&& file, const std::optional<std::string>& there) {
    auto found = origin(file.path, there.has_value());
    if (!found) return std::move(found).error();
    const auto& [last, from] = *found;
    StartedFile started;
    started.wanted = file.text;
    started.renamer = &renamer_;
    if (!last.empty()) {
      started.there = there;
      if (!from.empty()) KIT_TRY(read_into(from, started.there));
      KIT_TRY(read_into(std::string(pristine_folder) + last, started.pristine));
      const Kept* kept = known(last);
      started.was_deleted = kept != nullptr && kept->keeping == Keeping::deleted;
      const bool was_started = kept != nullptr && kept->keeping == Keeping::started;
      if (was_started || started.was_deleted) started.last_sum = kept->sha256;
    }
    Followed followed = follow(started, options_.restore_deleted);
    const std::string place = from.empty() ? file.path : from;
    if (followed.note) plan_.notes.push_back({place, std::move(*followed.note)});
    if (followed.blocked) plan_.blocked.push_back({place, std::move(*followed.blocked)});
    if (!from.empty() && followed.action == Action::unchanged) followed.text = *started.there;
    look_for_old_names(file, followed, started.there);
    std::string sum = sha256_hex(file.text);
    KIT_TRY(keep_pristine(file.path, file.text));
    file.text = std::move(followed.text);
    Action action = followed.action;
    if (!from.empty() && action != Action::conflict) action = Action::create;
    if (there && action == Action::create) action = Action::rewrite;
    put(action, std::move(file), there, followed.is_deleted ? Keeping::deleted : Keeping::started,
        std::move(sum));
    Change& change = plan_.changes.back();
    change.from = from;
    change.conflicts = std::move(followed.conflicts);
    change.kept_lines = std::move(followed.kept);
    return {};
  }

  /// It names the service, also in a project that `kitgen new` did not start.
  Result<> look_at_main() {
    const std::string path = "main.cpp";
    if (renamer_.empty() || plan_.manifest.files.contains(path)) return {};
    std::optional<std::string> text;
    KIT_TRY(read_into(path, text));
    if (text) look_for_old_names({path, ""}, {}, text);
    return {};
  }

  Result<> read_into(const std::string& path, std::optional<std::string>& text) const {
    auto there = root_.read(path);
    if (!there) return std::move(there).error();
    text = std::move(*there);
    return {};
  }

  /// What a person wrote keeps the old names: it is said where.
  void look_for_old_names(const render::File& file, const Followed& followed,
                          const std::optional<std::string>& there) {
    const bool is_code = file.path.ends_with(".cpp") || file.path.ends_with(".hpp");
    if (renamer_.empty() || !is_code) return;
    const bool stays = followed.action == Action::unchanged;
    if (stays && !there) return;
    std::string lines;
    for (const std::size_t line : renamer_.old_names(stays ? *there : followed.text, file.text))
      lines += (lines.empty() ? "" : ", ") + std::to_string(line);
    if (!lines.empty()) plan_.old_names.push_back({file.path, std::move(lines)});
  }

  Result<> keep_pristine(const std::string& path, const std::optional<std::string>& text) {
    const std::string place = std::string(pristine_folder) + path;
    std::optional<std::string> there;
    KIT_TRY(read_into(place, there));
    if (text && there && plain_text(*there) == plain_text(*text)) return {};
    keep_text(place, there, text);
    return {};
  }

  /// What is kept at `path` becomes `text`, or goes with nothing.
  void keep_text(const std::string& path, const std::optional<std::string>& there,
                 const std::optional<std::string>& text) {
    if (there == text) return;
    Change change;
    change.path = path;
    if (there) change.before_sum = sha256_hex(*there);
    change.action = !text ? Action::remove : there ? Action::rewrite : Action::create;
    if (text) change.text = *text;
    plan_.keeping.push_back(std::move(change));
  }

  /// A migration is history: only --recreate-migrations writes one that is there already.
  Result<> add_migration(render::File&& file, const std::optional<std::string>& there) {
    const std::string sum = sha256_hex(statements_of(file.text));
    const bool differs = there && sha256_hex(statements_of(*there)) != sum;
    const bool rewrite = differs && options_.recreate_migrations;
    const Kept* kept = known(file.path);
    const bool is_edited =
        there && !(kept != nullptr && has_sum(statements_of(*there), kept->sha256));
    if (rewrite && is_edited && !options_.discard_edits) {
      plan_.blocked.push_back(
          {file.path,
           "edited by hand, and --recreate-migrations would drop that. Move the statements into a "
           "migration of your own, or add --discard-edits"});
    }
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
    const bool has_pristine = kept.keeping == Keeping::started || kept.keeping == Keeping::deleted;
    if (has_pristine) KIT_TRY(keep_pristine(path, std::nullopt));
    auto there = root_.read(path);
    if (!there) return std::move(there).error();
    const bool migration = kept.keeping == Keeping::migration;
    if (migration && !options_.recreate_migrations) return look_at_migration(path, kept, *there);
    if (!*there) return {};
    const auto moved = moved_away_.find(path);
    if (moved != moved_away_.end() && goes_on(moved->second)) {
      Change change;
      change.action = Action::remove;
      change.path = path;
      change.to = moved->second;
      change.before = **there;
      change.before_sum = sha256_hex(**there);
      plan_.changes.push_back(std::move(change));
      return {};
    }
    const bool untouched = has_sum(migration ? statements_of(**there) : **there, kept.sha256);
    if (!untouched && kept.keeping == Keeping::generated) return put_aside(path, **there);
    Change change;
    change.action = untouched ? Action::remove : Action::keep_orphan;
    change.path = path;
    change.before = **there;
    change.before_sum = sha256_hex(**there);
    plan_.changes.push_back(std::move(change));
    return {};
  }

  /// One of an earlier run. It may be edited until it ran somewhere, which nobody here knows.
  Result<> look_at_migration(const std::string& path, const Kept& kept,
                             const std::optional<std::string>& there) {
    if (there) {
      plan_.manifest.files[path] = kept;
      if (!has_sum(statements_of(*there), kept.sha256)) {
        plan_.doubts.push_back(
            {path,
             "edited since kitgen wrote it. Databases that ran it before go no further until it is "
             "as it was; other kinds of databases have migrations of their own"});
      }
      return {};
    }
    constexpr std::string_view end_of_down = ".down.sql";
    if (!path.ends_with(end_of_down)) return {};
    std::optional<std::string> up;
    KIT_TRY(read_into(path.substr(0, path.size() - end_of_down.size()) + ".up.sql", up));
    // It has another number now, or a person says that there is no way back.
    if (!up || up->find("kit:allow no-down") != std::string::npos) return {};
    plan_.manifest.files[path] = kept;
    plan_.doubts.push_back(
        {path,
         "lost: take it from version control, or write -- kit:allow no-down into "
         "the .up.sql, when there is to be no way back"});
    return {};
  }

  /// An edited file of kitgen's that is no longer wanted: what it builds on is gone, so it is kept
  /// under a name that no build looks for.
  Result<> put_aside(const std::string& path, const std::string& text) {
    std::string aside = path + std::string(orphan_end);
    std::optional<std::string> there;
    KIT_TRY(read_into(aside, there));
    for (int number = 2; there && *there != text; ++number) {
      aside = path + std::string(orphan_end) + std::to_string(number);
      KIT_TRY(read_into(aside, there));
    }
    Change gone;
    gone.action = Action::remove;
    gone.path = path;
    gone.to = aside;
    gone.before = text;
    gone.before_sum = sha256_hex(text);
    Change kept;
    kept.action = there ? Action::rewrite : Action::create;
    kept.path = aside;
    kept.from = path;
    kept.text = text;
    if (there) kept.before = *there;
    if (there) kept.before_sum = sha256_hex(*there);
    kept.is_orphan = true;
    plan_.changes.push_back(std::move(gone));
    plan_.changes.push_back(std::move(kept));
    return {};
  }

  /// Whether the file at `path` was taken from its former place.
  bool goes_on(const std::string& path) const {
    const auto change = std::ranges::find(plan_.changes, path, &Change::path);
    return change != plan_.changes.end() && !change->from.empty();
  }

  const Root& root_;
  const PlanOptions& options_;
  Manifest before_;
  Renamer renamer_;
  WrittenTexts written_;                           ///< By the last run.
  WrittenTexts written_now_;                       ///< By this one.
  std::map<std::string, std::string> moves_;       ///< New path, former one.
  std::map<std::string, std::string> moved_away_;  ///< Former path, new one.
  Plan plan_;
};

}  // namespace

std::string_view name(Action action) {
  switch (action) {
    case Action::create:
      return "create";
    case Action::rewrite:
      return "rewrite";
    case Action::merge:
      return "merge";
    case Action::conflict:
      return "conflict";
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
  return edited.empty() && blocked.empty() && count(Action::remove) == 0 &&
         std::ranges::none_of(changes, &Change::writes);
}

Result<Plan> make_plan(const Root& root, std::vector<render::File> wanted,
                       const PlanOptions& options) {
  auto before = read_manifest(root, options.schema);
  if (!before) return std::move(before).error();
  return Planner(root, options, std::move(*before)).plan(std::move(wanted));
}

}  // namespace kitgen::cli
