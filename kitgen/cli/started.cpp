// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/started.hpp"

#include "kit/base/sha256.hpp"
#include "kitgen/cli/lines.hpp"

namespace kitgen::cli {
namespace {

/// The text to merge from: one that has the sum the manifest says. A kept text that does not have
/// it (two branches were joined) is not trusted: a wrong start would lose lines.
std::optional<std::string> last_generation(const StartedFile& file) {
  if (file.last_sum.empty()) return std::nullopt;
  if (file.pristine && has_sum(*file.pristine, file.last_sum)) return file.pristine;
  if (has_sum(file.wanted, file.last_sum)) return std::string(file.wanted);
  if (has_sum(*file.there, file.last_sum)) return file.there;
  return std::nullopt;
}

Followed merged(const StartedFile& file, const std::string& before) {
  Followed followed;
  // Renamed lines are no change of either side: they would touch every edit beside them.
  const bool renames = file.renamer != nullptr && !file.renamer->empty();
  const std::string old = renames ? file.renamer->renamed(before) : before;
  const std::string yours = renames ? file.renamer->follow(before, *file.there) : *file.there;
  auto result = merge({.before = old, .yours = yours, .now = file.wanted});
  if (!result) {
    followed.blocked = "kitgen has changes for it, but " + result.error().message() +
                       ". Save it as plain UTF-8 text, or move it away and merge by hand";
    return followed;
  }
  followed.action = !result->conflicts.empty()    ? Action::conflict
                    : result->text == *file.there ? Action::unchanged
                                                  : Action::merge;
  followed.text = std::move(result->text);
  followed.conflicts = std::move(result->conflicts);
  followed.kept = std::move(result->kept);
  return followed;
}

}  // namespace

bool has_sum(std::string_view text, const std::string& sum) {
  return kit::sha256_hex(text) == sum || kit::sha256_hex(plain_text(text)) == sum;
}

Followed follow(const StartedFile& file, bool restore_deleted) {
  Followed followed;
  if (!file.there) {
    followed.is_deleted = !file.last_sum.empty() && !restore_deleted;
    if (followed.is_deleted) {
      // Said once, and again when it would look different now.
      if (!file.was_deleted) {
        followed.note = "you deleted it, so it stays away (--restore-deleted starts it again)";
      } else if (!has_sum(file.wanted, file.last_sum)) {
        followed.note =
            "kitgen has changes for it, but you deleted it (--restore-deleted starts it again)";
      }
      return followed;
    }
    followed.action = Action::create;
    followed.text = file.wanted;
    return followed;
  }
  const std::string wanted = plain_text(file.wanted);
  const std::string there = plain_text(*file.there);
  if (there == wanted) return followed;
  if (const auto line = find_marker(*file.there)) {
    followed.blocked = "line " + std::to_string(*line) +
                       " is a conflict marker. Decide what stays there and remove the markers";
    return followed;
  }
  const auto before = last_generation(file);
  if (!before) {
    followed.note =
        file.last_sum.empty()
            ? "kitgen did not start it; left as it is. What kitgen would start is in "
              ".kit/pristine; "
              "from now on its later changes are merged"
            : "edited, and what kitgen started it with is not known any more; left as it is. What "
              "it "
              "would start today is in .kit/pristine (commit that folder); from now on later "
              "changes are merged";
    return followed;
  }
  const std::string plain_before = plain_text(*before);
  if (plain_before == wanted) return followed;
  if (plain_before == there) {
    followed.action = Action::rewrite;
    followed.text = in_the_form_of(*file.there, file.wanted);
    return followed;
  }
  return merged(file, *before);
}

}  // namespace kitgen::cli
