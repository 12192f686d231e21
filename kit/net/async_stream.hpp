// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/net/stream.hpp"

namespace kit::net {

/// A stream to await on, for protocols written as coroutines: `co_await stream.read(buffer)`. One
/// read and one write may wait at the same time, in two tasks. Thread safety: the stream's thread.
/// Lifetime: outlives its operations.
class AsyncStream final : private ReadinessHandler {
 public:
  /// `first`: bytes that were read already; they come before the stream's.
  explicit AsyncStream(std::unique_ptr<Stream> stream, std::string first = {});
  ~AsyncStream();
  AsyncStream(const AsyncStream&) = delete;
  AsyncStream& operator=(const AsyncStream&) = delete;

  class Read final : public Operation<std::size_t> {
   public:
    Read(AsyncStream& owner, std::span<char> into) : owner_(owner), into_(into) {}
    ~Read() { detach(); }

   private:
    friend class AsyncStream;
    void start() override;
    void detach() override;
    bool try_read();
    AsyncStream& owner_;
    std::span<char> into_;
  };

  class Write final : public Operation<void> {
   public:
    Write(AsyncStream& owner, std::string_view bytes) : owner_(owner), bytes_(bytes) {}
    ~Write() { detach(); }

   private:
    friend class AsyncStream;
    void start() override;
    void detach() override;
    bool try_write();
    AsyncStream& owner_;
    std::string_view bytes_;
  };

  /// How many bytes were read: at least one, 0 at the end of the stream. Fails with `unavailable`
  /// (reason CONNECTION_LOST) when the connection broke. Lifetime: `into` until it has ended.
  Read read(std::span<char> into) { return Read(*this, into); }
  /// Writes all of `bytes`. Fails like `read`; a cancelled write may have sent a part. Lifetime:
  /// `bytes` until it has ended.
  Write write(std::string_view bytes) { return Write(*this, bytes); }
  /// Ends the sending side after what was written.
  void shutdown_write() { stream_->shutdown_write(); }
  /// Whether the peer has ended or broken the connection, or sent something that nobody asked for:
  /// a kept connection that is so cannot be used again. Reads nothing away.
  bool stale();

  Stream& stream() { return *stream_; }
  /// Gives the stream back, for another protocol on the same connection (TLS behind CONNECT).
  /// Nothing may be read or written any more. Precondition: no read or write waits, and every byte
  /// that was read ahead has been given away.
  std::unique_ptr<Stream> release();

 private:
  void on_readiness(Readiness readiness) override;

  std::unique_ptr<Stream> stream_;
  std::string first_;
  Read* reading_ = nullptr;
  Write* writing_ = nullptr;
};

}  // namespace kit::net
