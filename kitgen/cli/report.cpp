// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/report.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kitgen/cli/diff.hpp"
#include "kitgen/cli/git.hpp"

namespace kitgen::cli {
namespace {

constexpr std::size_t max_listed = 20;

/// ":12-19"
std::string place(const LineRange& lines) {
  return ":" + std::to_string(lines.first) +
         (lines.last == lines.first ? "" : "-" + std::to_string(lines.last));
}

std::string listed(std::string word, const std::string& path) {
  word.resize(std::max<std::size_t>(8, word.size() + 1), ' ');
  return "  " + word + path;
}

/// Whether a person has to see this line however many there are.
bool is_important(const Change& change) {
  return change.action == Action::keep_orphan || change.action == Action::merge ||
         change.action == Action::conflict || !change.from.empty();
}

/// Which lines of a person still say what the schema calls differently now.
std::string old_names(const Plan& plan) {
  if (plan.old_names.empty()) return "";
  std::string text;
  for (const Renaming& each : plan.renames) {
    text += (text.empty() ? "" : ", ") + each.from + " is now " + each.to;
  }
  text += ". Lines that you wrote keep the old name; look at them:\n";
  for (const Note& note : plan.old_names) text += "  " + note.path + ": line " + note.text + "\n";
  return text;
}

/// What kitgen wrote or would write of a file, against what stands there.
std::string edited_text(const Edited& edited) {
  std::string text = edited.path + (edited.known ? ": edited by hand, but it is generated again on "
                                                   "every run\n"
                                                 : ": exists, but kitgen did not write it\n");
  text += edited.from_last
              ? "--- what kitgen wrote last\n"
              : "--- what kitgen would write now (what it wrote last is not kept here)\n";
  return text + "+++ what is there\n" + edited.diff;
}

}  // namespace

std::string listing(const Plan& plan, bool verbose) {
  std::string text;
  std::size_t lines = 0;
  std::size_t left = 0;
  for (const Change& change : plan.changes) {
    if (change.action == Action::unchanged && change.kept_lines.empty()) continue;
    if (!change.to.empty()) continue;  // told with the new name
    if (!is_important(change) && !verbose && lines == max_listed) {
      ++left;
      continue;
    }
    if (change.action != Action::unchanged) {
      ++lines;
      if (change.is_orphan) {
        text += listed("keep", change.from) + "  (no longer generated, but edited: kept as " +
                change.path.substr(change.path.rfind('/') + 1) + ", which is not built)";
      } else if (!change.from.empty()) {
        text += listed("move", change.from + " -> " + change.path);
        if (change.action == Action::conflict) text += "  (conflict)";
      } else {
        text += listed(std::string(name(change.action)), change.path);
      }
      if (change.action == Action::keep_orphan) {
        text +=
            "  (no longer generated, but edited: yours now. It is still built: take out what is "
            "gone, or delete it)";
      }
      text += "\n";
    }
    for (const LineRange& kept : change.kept_lines) {
      text += listed("keep", change.path + place(kept)) +
              "  (no longer generated, but edited: yours now)\n";
    }
  }
  if (left > 0) text += "  ... and " + std::to_string(left) + " more (--verbose lists all)\n";
  for (const Note& note : plan.notes) text += listed("leave", note.path) + ": " + note.text + "\n";
  text += doubts(plan);
  return text + old_names(plan);
}

std::string doubts(const Plan& plan) {
  std::string text;
  for (const Note& note : plan.doubts) text += listed("look", note.path) + ": " + note.text + "\n";
  return text;
}

std::string patch(const Plan& plan) {
  std::string text;
  for (const Change& change : plan.changes) {
    if (change.path.starts_with(".kit/")) continue;
    if (change.action == Action::remove) {
      text += file_diff(change.path, change.before, std::nullopt);
    } else if (change.action == Action::create) {
      text += file_diff(change.path, std::nullopt, change.text);
    } else if (change.writes()) {
      text += file_diff(change.path, change.before, change.text);
    }
  }
  return text;
}

std::string file_objections(const Plan& plan) {
  std::string text;
  for (const Edited& edited : plan.edited) text += edited_text(edited);
  if (!plan.edited.empty()) {
    text +=
        "\nMove your change into a file of your own (one without .gen in its name), then restore "
        "or delete the\nfile" +
        std::string(plan.edited.size() == 1 ? "" : "s") +
        " above; or run again with --discard-edits to have it overwritten. Nothing was "
        "written.\n";
  }
  for (const Note& note : plan.blocked) text += note.path + ": " + note.text + ".\n";
  if (!plan.blocked.empty()) text += "Then run again. Nothing was written.\n";
  return text;
}

std::string conflict_report(const Plan& plan) {
  std::string text;
  for (const Change& change : plan.changes) {
    for (const LineRange& lines : change.conflicts)
      text += "  " + change.path + place(lines) + "\n";
  }
  if (text.empty()) return text;
  return "Everything was written, but you and kitgen changed the same lines. Decide there, remove "
         "the "
         "markers\n(<<<<<<< yours, ||||||| before, =======, >>>>>>> kitgen) and run again:\n" +
         text;
}

std::string git_hint(const Root& root, const Plan& plan) {
  std::vector<std::string> merged;
  for (const Change& change : plan.changes) {
    if (change.is_orphan) continue;
    if (!change.from.empty()) {
      merged.push_back(change.from);
    } else if (change.action == Action::merge || change.action == Action::conflict) {
      merged.push_back(change.path);
    }
  }
  const std::vector<std::string> changed = changed_in_git(root.folder(), merged);
  if (changed.empty()) return "";
  std::string text = "Merged into files with changes that git does not have yet:\n";
  for (const std::string& path : changed) text += "  " + path + "\n";
  return text + "Commit before kitgen generate, and git diff shows the merge alone.\n";
}

kit::Result<std::string> ignore_hint(const Root& root, const Plan& plan) {
  const bool starts = std::ranges::any_of(plan.keeping, [](const Change& change) {
    return change.action == Action::create && change.path.starts_with(pristine_folder);
  });
  if (!starts) return std::string();
  auto ignored = root.read(".gitignore");
  if (!ignored) return std::move(ignored).error();
  if (!*ignored) return std::string();
  bool keeps_out = false;
  for (const std::string_view line : kit::split(**ignored, '\n')) {
    const std::string_view word = kit::trim(line);
    if (word.find(".kit/pristine") != std::string_view::npos) return std::string();
    keeps_out = keeps_out || word == "/.kit/*" || word == ".kit/*" || word == "/.kit/" ||
                word == ".kit/" || word == "/.kit" || word == ".kit";
  }
  if (!keeps_out) return std::string();
  return std::string(
      ".gitignore keeps .kit/pristine out of version control, which later merges start from.\n"
      "Write there: /.kit/* and after it !/.kit/manifest.json and !/.kit/pristine/\n");
}

}  // namespace kitgen::cli
