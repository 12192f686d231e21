// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "kit/base/error.hpp"

namespace kit::xlsx::detail {

/// What is wrong with a file.
inline Error problem(std::string what) {
  return Error(Code::invalid_argument, std::move(what));
}

}  // namespace kit::xlsx::detail
