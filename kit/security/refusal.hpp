// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kit/base/error.hpp"

namespace kit::security {

/// `unauthenticated`, always with the same sentence, so that a client learns from the reason alone
/// what to do. `why` is for the log.
Error refused(std::string reason, std::string why);

}  // namespace kit::security
