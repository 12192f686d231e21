// SPDX-License-Identifier: Apache-2.0
#include "server_control.hpp"

#include <unistd.h>

#include <cstdlib>

#include "kit/base/assert.hpp"

namespace kit::tests {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  KIT_ASSERT(value != nullptr, "started without run.py");
  return value;
}

void control_server(std::string_view what) {
  const int to = std::stoi(setting("KIT_TEST_CONTROL_TO"));
  const int from = std::stoi(setting("KIT_TEST_CONTROL_FROM"));
  const std::string line = std::string(what) + "\n";
  KIT_ASSERT(::write(to, line.data(), line.size()) == static_cast<ssize_t>(line.size()),
             "run.py does not listen");
  char answer = 0;
  KIT_ASSERT(::read(from, &answer, 1) == 1 && answer == '+', "run.py could not do it");
}

}  // namespace kit::tests
