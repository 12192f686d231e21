// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/http/encodings.hpp"
#include "kit/http/message.hpp"

namespace kit::http {

struct CompressionOptions {
  std::size_t min_bytes =
      1024;  ///< Smaller bodies are sent as they are; streams always are packed.
  /// The codings that are offered, best first.
  std::vector<Coding> codings{Coding::zstd, Coding::br, Coding::gzip};
  int zstd_level = 3;
  int brotli_level = 4;
  int gzip_level = 6;
  /// Off for routes whose answers have a secret beside what a client sent (docs/adr/0013): how well
  /// such an answer packs tells the secret letter by letter (BREACH). A single answer says so by
  /// `keep_uncompressed`.
  bool is_enabled = true;
};

/// Marks one answer as not to be packed, here or by a proxy: Cache-Control gets no-transform (and
/// no-store, where nothing was said).
void keep_uncompressed(Response& response);

/// Packs the body of an answer as its request accepts: Content-Encoding, a weak ETag, Vary. Left
/// alone: small bodies, media types that are packed already, 206, 204, upgrades, what has a
/// Content-Encoding or Cache-Control: no-transform, and answers that set a cookie. A
/// stream is flushed piece by piece, so nothing is held back; events (text/event-stream) are packed
/// with gzip only. A 304 gets the Vary and the tag of the form that the client has. Thread safety:
/// any thread.
void compress(const Request& request, Response& response, const CompressionOptions& options);

/// `inner` with its answers compressed.
Handler compressed(Handler inner, CompressionOptions options = {});

/// Whether bodies of a media type are worth packing: text, JSON, XML, scripts, SVG, fonts that are
/// not packed.
bool is_compressible(std::string_view content_type);

/// Packs what is given to it piece by piece. Fails with `internal` when the library does.
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Appends to `out` all that is needed to unpack what was given so far.
  virtual Result<> write(std::string_view bytes, std::string& out) = 0;
  /// The last bytes, which may be none.
  virtual Result<> finish(std::string_view bytes, std::string& out) = 0;
};
/// `coding` must not be `identity`. `lives_long`: for a body that goes on for as long as its client
/// stays, in less memory (gzip only). Cost: a context of the library (docs/adr/0013), which but for
/// brotli is kept for the next one of its thread.
std::unique_ptr<Compressor> make_compressor(Coding coding, const CompressionOptions& options,
                                            bool lives_long = false);

}  // namespace kit::http
