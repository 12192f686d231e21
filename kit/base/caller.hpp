// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kit {

class AccessPolicy;

/// Who a request comes from, as the application found out.
struct Caller {
  std::string subject;             ///< Who: the `me` of row rules. Empty: nobody in particular.
  std::vector<std::string> roles;  ///< Those of the schema's access rules.
  /// Decides besides the schema's rules. Outlives the caller; null: only they decide.
  const AccessPolicy* policy = nullptr;
  /// The address of something of the module whose own kind of caller this is; null: just a caller.
  /// For that module alone, to find its kind again behind `current_caller`.
  const void* kind_key = nullptr;

  bool has(std::string_view role) const { return std::ranges::find(roles, role) != roles.end(); }
  bool has_any(std::span<const std::string_view> wanted) const {
    return std::ranges::any_of(wanted, [this](std::string_view role) { return has(role); });
  }
};

/// Whom the work of this thread is done for right now; null: the program itself, which may do
/// everything. `async` keeps it right across awaits.
inline thread_local const Caller* current_caller = nullptr;

}  // namespace kit
