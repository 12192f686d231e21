// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kit/app/cpu_profile.hpp"
#include "kit/base/function.hpp"

namespace kit::app {

/// Functions that called each other, the outermost first, and how often they were seen.
using FoldedStacks = std::map<std::vector<std::string>, std::uint64_t>;

/// `name` is asked for the function at an address; `is_call` when it is one that a call returns to.
FoldedStacks fold(const std::vector<ProfiledStack>& stacks,
                  const Function<std::string(std::uint64_t address, bool is_call) const>& name);
/// The same with the names of this program.
FoldedStacks fold(const std::vector<ProfiledStack>& stacks);

/// "main;serve;parse 12": a line a stack, as many tools read it.
std::string folded_text(const FoldedStacks& stacks);

/// A picture: callers below what they called, as wide as their share of the samples. One SVG
/// document without scripts; what is too narrow to be seen is left out.
std::string flame_svg(const FoldedStacks& stacks, std::string_view title);

}  // namespace kit::app
