// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Places where a test build can be made to die, fail or wait, so that what is promised about
/// crashes is tried and not only believed. Compiled in where the CMake option KIT_FAILPOINTS is on,
/// as it is for tests; a release build holds nothing of them, not even their names.
///
/// The environment says what happens where, to one program:
///
///     KIT_FAILPOINTS="outbox.after_publish=exit(137):p=0.1;inbox.before_commit=error:n=3"
///
/// Actions: `exit(status)`, `kill` (SIGKILL), `error`, `delay(milliseconds)`. Conditions, all of
/// which must hold: `p=0.1` its probability, `n=3` at most so often, `skip=2` not the first so
/// many. KIT_FAILPOINTS_SEED makes the same choices again. What can't be read ends the program.
/// All names are in docs/failpoints.md, which a test holds to the sources.
#ifdef KIT_FAILPOINTS

#include <cstdint>
#include <string_view>

#include "kit/base/result.hpp"

namespace kit::failpoint {

/// Does what the environment says about `name`. Fails with `unavailable` (FAILPOINT) when that is
/// `error`. Thread safety: any thread.
Result<> hit(std::string_view name);

/// Replaces what the environment said, for tests of one process. Fails with `invalid_argument`.
Result<> configure(std::string_view text, std::uint64_t seed = 1);

/// How often `name` acted since it was configured.
std::uint64_t count(std::string_view name);

}  // namespace kit::failpoint

/// A place to die or wait at; an `error` is ignored.
#define KIT_FAILPOINT(name) static_cast<void>(::kit::failpoint::hit(name))
/// A place that can fail as well: `co_await KIT_FAILPOINT_RESULT("...")`, or in `KIT_TRY`.
#define KIT_FAILPOINT_RESULT(name) ::kit::failpoint::hit(name)

#else

#include "kit/base/result.hpp"

#define KIT_FAILPOINT(name) static_cast<void>(0)
#define KIT_FAILPOINT_RESULT(name) ::kit::Result<>()

#endif
