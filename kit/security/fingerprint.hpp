// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace kit::security {

/// 64 bits of a keyed hash of a text, other ones in each process, so that nobody can choose texts
/// that collide. Never 0, which stands for an absent text. Cost: 0.3 us. Thread safety: any thread.
std::uint64_t fingerprint(std::string_view text);

}  // namespace kit::security
