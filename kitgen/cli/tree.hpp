// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/base/function.hpp"
#include "kitgen/cli/manifest.hpp"
#include "kitgen/cli/merge.hpp"
#include "kitgen/cli/renamed.hpp"
#include "kitgen/cli/root.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::cli {

/// What is to become of one file.
enum class Action : std::uint8_t {
  create,
  rewrite,
  merge,        ///< Started and edited: what kitgen changed since is put into it.
  conflict,     ///< The same, with conflict markers where both changed the same place.
  remove,       ///< Generated before, no longer wanted, never edited.
  keep_orphan,  ///< No longer wanted but edited: it stays and is named.
  unchanged,    ///< As it should be, or started and the project's own.
};
std::string_view name(Action action);

struct Change {
  Action action = Action::unchanged;
  std::string path;
  std::string text;        ///< Of create, rewrite, merge and conflict: what will stand there.
  std::string before;      ///< What stands there now.
  std::string before_sum;  ///< SHA-256 of that; "" for nothing.
  bool executable = false;
  std::string from;        ///< The name it had before: what it says now goes on from there.
  std::string to;          ///< Of remove: the name under which it goes on.
  bool is_orphan = false;  ///< With `from`: no longer wanted, but edited, so it is kept aside.
  std::vector<LineRange> conflicts;   ///< Of `text`.
  std::vector<LineRange> kept_lines;  ///< Of `text`: no longer wanted, but edited.
  bool writes() const {
    return action == Action::create || action == Action::rewrite || action == Action::merge ||
           action == Action::conflict;
  }
};

/// A generated file that somebody edited, or that kitgen did not write.
struct Edited {
  std::string path;
  std::string diff;   ///< To what stands there; its first lines.
  bool known = true;  ///< The manifest has it.
  /// The diff starts from what kitgen wrote last, so it shows what the person changed; otherwise
  /// from what it would write now.
  bool from_last = false;
};

/// Something to say about one file.
struct Note {
  std::string path;
  std::string text;
};

/// What a run would do. `edited` or `blocked` not empty: it must not be done.
struct Plan {
  std::vector<Change> changes;  ///< Sorted by path.
  std::vector<Change> keeping;  ///< Of the texts kept under `.kit`.
  std::vector<Edited> edited;
  std::vector<Note> blocked;  ///< Started files that cannot be merged, and why.
  std::vector<Note> notes;
  std::vector<Note> doubts;  ///< Migrations that are not as kitgen wrote them, and why it counts.
  std::vector<Renaming> renames;  ///< What the schema calls differently now.
  std::vector<Note> old_names;    ///< Files of a person that say old names, and in which lines.
  Manifest manifest;              ///< As it is afterwards.
  bool manifest_changed = false;

  std::size_t count(Action action) const;
  bool is_clean() const;  ///< Nothing to write or remove, nothing edited.
};

struct PlanOptions {
  bool discard_edits = false;        ///< Edited generated files are rewritten.
  bool recreate_migrations = false;  ///< Migrations are written anew.
  bool restore_deleted = false;      ///< Started files that the person deleted are started again.
  std::vector<Renaming> renames{};   ///< Of entities, since the last run.
  std::string schema{};              ///< What all of it follows from.
  std::string output{};              ///< The folder of the layers.
};

/// What the last run wrote; empty when there was none. Fails with `data_loss`, and with
/// `failed_precondition` when it is lost or the project follows another schema than `schema`.
kit::Result<Manifest> read_manifest(const Root& root, const std::string& schema);

/// Compares what is wanted with what is there. Touches nothing.
kit::Result<Plan> make_plan(const Root& root, std::vector<render::File> wanted,
                            const PlanOptions& options);

/// Called before every step of `apply` and `recover`; an error stands for the process dying there.
using StepHook = kit::FunctionRef<kit::Result<>(std::string_view step)>;

/// Carries a plan out, all of it or nothing: everything is staged in `.kit/stage` and made durable,
/// then `.kit/journal.json` is put in place, which decides; then the files are renamed into the
/// tree. What a dead process left is finished or thrown away by `recover`.
kit::Result<> apply(const Root& root, const Plan& plan, StepHook hook);
kit::Result<> apply(const Root& root, const Plan& plan);

/// Whether a run was interrupted after its decision, so that the tree may be neither old nor new.
kit::Result<bool> is_interrupted(const Root& root);

/// Finishes an interrupted run, or clears away what it had staged: afterwards the tree is the old
/// or the new one. True when there was one to finish. Fails with `failed_precondition` when a file
/// was edited since.
kit::Result<bool> recover(const Root& root, StepHook hook);
kit::Result<bool> recover(const Root& root);

}  // namespace kitgen::cli
