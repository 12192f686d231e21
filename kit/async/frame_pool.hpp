// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace kit::detail {

/// Memory of coroutine frames: per-thread free lists by size class, so that a request's tasks cost
/// no malloc. Frames over 4 KiB go to the heap. Thread safety: a frame may be freed on another
/// thread than the one it came from.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace kit::detail
