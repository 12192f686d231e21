// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace attacks {

/// What is put in the place of the real thing, to show that a defect is found.
enum class Defect {
  none,
  trusting,  ///< Believes a token that says "none".
  hasty,     ///< Refuses what has more than one legal form: blanks in a header.
};

/// What the defect makes of a token that the real thing judges as `is_taken`.
bool judged(Defect defect, std::string_view token, bool is_taken);

}  // namespace attacks
