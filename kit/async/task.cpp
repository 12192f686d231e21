// SPDX-License-Identifier: Apache-2.0
#include "kit/async/task.hpp"

#include <exception>
#include <string>

namespace kit::detail {

Error error_from_current_exception() {
  try {
    throw;
  } catch (const std::exception& failure) {
    return Error(Code::internal, std::string("an exception escaped a task: ") + failure.what());
  } catch (...) {
    return Error(Code::internal, "an exception of unknown type escaped a task");
  }
}

}  // namespace kit::detail
