// SPDX-License-Identifier: Apache-2.0
#include "kit/http/guard.hpp"

namespace kit::http {

Task<> RequestGuard::enter(const Request&, const Router::Route&, Admission&) const {
  co_return;
}

void RequestGuard::leave(const Left&) const {}

}  // namespace kit::http
