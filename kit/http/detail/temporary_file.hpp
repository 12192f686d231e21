// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/http/detail/file_descriptor.hpp"

namespace kit::http::detail {

/// A new file without a name in `directory`, for the owner only. Fails with `internal` when the
/// directory cannot be written to, `resource_exhausted` (507) when it is full.
Result<FileDescriptor> open_temporary_file(const std::string& directory);
/// The same for file systems without O_TMPFILE: the name is taken away at once.
Result<FileDescriptor> open_and_unlink_temporary_file(const std::string& directory);

/// Writes all of `bytes` at the end of what was written. Fails like `open_temporary_file`.
Result<> append_to_file(int file, std::string_view bytes);

}  // namespace kit::http::detail
