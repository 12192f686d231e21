// SPDX-License-Identifier: Apache-2.0
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/http/compression.hpp"

namespace kit::http {
namespace {

constexpr std::size_t step_bytes = 16 * 1024;
/// Contexts that a thread keeps of each kind.
constexpr std::size_t max_kept = 4;

Error failed(std::string_view library, std::string_view why) {
  return Error(Code::internal, std::string(library) + " failed: " + std::string(why))
      .with_reason("COMPRESSION_FAILED");
}

/// Contexts for the next answers of a thread.
template <class Context, void (*Free)(Context*)>
class Kept {
 public:
  ~Kept() {
    for (Context* context : free_) Free(context);
  }
  Context* take() {
    if (free_.empty()) return nullptr;
    Context* context = free_.back();
    free_.pop_back();
    return context;
  }
  void put(Context* context) {
    if (free_.size() < max_kept) {
      free_.push_back(context);
    } else {
      Free(context);
    }
  }

 private:
  std::vector<Context*> free_;
};

void free_zstd(ZSTD_CCtx* context) {
  ZSTD_freeCCtx(context);
}
thread_local Kept<ZSTD_CCtx, free_zstd> kept_zstd;

class Zstd final : public Compressor {
 public:
  explicit Zstd(int level) : context_(kept_zstd.take()) {
    if (context_ == nullptr) context_ = ZSTD_createCCtx();
    KIT_ASSERT(context_ != nullptr, "memory for a zstd context");
    ZSTD_CCtx_reset(context_, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    // Browsers refuse windows over 8 MiB (RFC 9659); smaller ones also keep the context small.
    ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, 20);
  }
  ~Zstd() override { kept_zstd.put(context_); }

  Result<> write(std::string_view bytes, std::string& out) override {
    return run(bytes, ZSTD_e_flush, out);
  }
  Result<> finish(std::string_view bytes, std::string& out) override {
    return run(bytes, ZSTD_e_end, out);
  }

 private:
  Result<> run(std::string_view bytes, ZSTD_EndDirective directive, std::string& out) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    std::array<char, step_bytes> step;
    std::size_t left = 0;
    do {
      ZSTD_outBuffer output{step.data(), step.size(), 0};
      left = ZSTD_compressStream2(context_, &output, &input, directive);
      if (ZSTD_isError(left) != 0) return failed("zstd", ZSTD_getErrorName(left));
      out.append(step.data(), output.pos);
    } while (left != 0);
    return {};
  }

  ZSTD_CCtx* context_;
};

void free_zlib(z_stream* stream) {
  deflateEnd(stream);
  delete stream;
}
thread_local Kept<z_stream, free_zlib> kept_zlib;
thread_local Kept<z_stream, free_zlib> kept_small_zlib;

class Gzip final : public Compressor {
 public:
  /// `is_small`: 64 KiB instead of 256 KiB, for a window of 8 KiB instead of 32 KiB.
  Gzip(int level, bool is_small) : is_small_(is_small), stream_(kept().take()) {
    if (stream_ != nullptr) {
      deflateReset(stream_);
      deflateParams(stream_, level, Z_DEFAULT_STRATEGY);
      return;
    }
    stream_ = new z_stream{};
    const int window_bits = (is_small ? 13 : 15) + 16;  // 16: gzip's frame around it
    const int made =
        deflateInit2(stream_, level, Z_DEFLATED, window_bits, is_small ? 6 : 8, Z_DEFAULT_STRATEGY);
    KIT_ASSERT(made == Z_OK, "memory for a zlib stream");
  }
  ~Gzip() override { kept().put(stream_); }

  Result<> write(std::string_view bytes, std::string& out) override {
    return run(bytes, Z_SYNC_FLUSH, out);
  }
  Result<> finish(std::string_view bytes, std::string& out) override {
    return run(bytes, Z_FINISH, out);
  }

 private:
  Result<> run(std::string_view bytes, int flush, std::string& out) {
    // zlib takes 32 bits of length and does not write to its input.
    constexpr std::size_t most = std::size_t{1} << 30;
    std::array<char, step_bytes> step;
    do {
      const std::string_view now = bytes.substr(0, most);
      bytes.remove_prefix(now.size());
      stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(now.data()));
      stream_->avail_in = static_cast<uInt>(now.size());
      do {
        stream_->next_out = reinterpret_cast<Bytef*>(step.data());
        stream_->avail_out = static_cast<uInt>(step.size());
        const int done = deflate(stream_, bytes.empty() ? flush : Z_NO_FLUSH);
        if (done == Z_STREAM_ERROR) return failed("zlib", "the stream is inconsistent");
        out.append(step.data(), step.size() - stream_->avail_out);
      } while (stream_->avail_out == 0);
    } while (!bytes.empty());
    return {};
  }

  Kept<z_stream, free_zlib>& kept() const { return is_small_ ? kept_small_zlib : kept_zlib; }

  bool is_small_;
  z_stream* stream_;
};

/// Brotli's encoder cannot begin anew, so there is nothing to keep.
class Brotli final : public Compressor {
 public:
  explicit Brotli(int level) : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    KIT_ASSERT(state_ != nullptr, "memory for a brotli encoder");
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(level));
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, 18);
  }
  ~Brotli() override { BrotliEncoderDestroyInstance(state_); }

  Result<> write(std::string_view bytes, std::string& out) override {
    return run(bytes, BROTLI_OPERATION_FLUSH, out);
  }
  Result<> finish(std::string_view bytes, std::string& out) override {
    return run(bytes, BROTLI_OPERATION_FINISH, out);
  }

 private:
  Result<> run(std::string_view bytes, BrotliEncoderOperation operation, std::string& out) {
    const auto* next = reinterpret_cast<const std::uint8_t*>(bytes.data());
    std::size_t left = bytes.size();
    do {
      std::size_t room = 0;
      if (BrotliEncoderCompressStream(state_, operation, &left, &next, &room, nullptr, nullptr) ==
          BROTLI_FALSE)
        return failed("brotli", "the encoder is inconsistent");
      std::size_t size = 0;
      const std::uint8_t* made = BrotliEncoderTakeOutput(state_, &size);
      out.append(reinterpret_cast<const char*>(made), size);
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_) != BROTLI_FALSE);
    return {};
  }

  BrotliEncoderState* state_;
};

}  // namespace

std::unique_ptr<Compressor> make_compressor(Coding coding, const CompressionOptions& options,
                                            bool lives_long) {
  switch (coding) {
    case Coding::zstd:
      return std::make_unique<Zstd>(options.zstd_level);
    case Coding::br:
      return std::make_unique<Brotli>(options.brotli_level);
    case Coding::gzip:
      return std::make_unique<Gzip>(options.gzip_level, lives_long);
    case Coding::identity:
      break;
  }
  KIT_ASSERT(false, "identity packs nothing");
  return nullptr;
}

}  // namespace kit::http
