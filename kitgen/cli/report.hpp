// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kitgen/cli/tree.hpp"

namespace kitgen::cli {

/// What a run does or would do with each file that it does not leave alone, a line each: at most 20
/// without `verbose`, but always those that a person has to look at.
std::string listing(const Plan& plan, bool verbose);

/// Migrations that are not as kitgen wrote them, a line each; a part of the listing.
std::string doubts(const Plan& plan);

/// The whole plan as one patch, files of `.kit` left out.
std::string patch(const Plan& plan);

/// Why the plan must not be carried out, as far as files are concerned; "": it may.
std::string file_objections(const Plan& plan);

/// After a merge that left conflict markers: where they are and what to do; "" without one.
std::string conflict_report(const Plan& plan);

/// That files were merged which git would show as changed; "" without one. To be asked before the
/// plan is carried out.
std::string git_hint(const Root& root, const Plan& plan);

/// That .gitignore keeps out the pristine texts which the plan writes first; "" when it does not.
kit::Result<std::string> ignore_hint(const Root& root, const Plan& plan);

}  // namespace kitgen::cli
