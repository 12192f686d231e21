// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::tests {

/// An environment variable that run.py sets. Fails the test program without it.
std::string setting(const char* name);
/// Has run.py do something with its server, "kill" or "start", and waits until it is done.
void control_server(std::string_view what);

}  // namespace kit::tests
