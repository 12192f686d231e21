// SPDX-License-Identifier: Apache-2.0
#include "kit/security/refusal.hpp"

#include <utility>

namespace kit::security {

Error refused(std::string reason, std::string why) {
  return Error(Code::unauthenticated, "the credentials were refused; sign in again")
      .with_reason(std::move(reason))
      .with_cause(Error(Code::unauthenticated, std::move(why)));
}

}  // namespace kit::security
