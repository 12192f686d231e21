// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace kit::app {

/// A file compiled into the binary by the CMake function `kit_embed(target NAME name FILES ...)`,
/// which also declares `std::span<const EmbeddedFile> kit::app::web::name()` in
/// "kit_embed/name.hpp", ordered by path. Lifetime: all views are valid for the life of the
/// program.
struct EmbeddedFile {
  std::string_view path;          ///< Relative, with forward slashes: "swagger-ui.css".
  std::string_view content_type;  ///< With charset where it is text: "text/css; charset=utf-8".
  std::string_view etag;  ///< Strong, quoted, ready to send; derived from SHA-256 of `bytes`.
  std::span<const unsigned char> bytes;  ///< The file as it is.
  std::span<const unsigned char>
      gzip;  ///< The same for `Content-Encoding: gzip`; empty when no smaller.
};

}  // namespace kit::app

namespace kit::app::web {

using app::EmbeddedFile;

}  // namespace kit::app::web
