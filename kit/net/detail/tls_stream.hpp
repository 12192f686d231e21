// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kit/async/operation.hpp"
#include "kit/net/detail/tls_context.hpp"
#include "kit/net/stream.hpp"
#include "kit/net/tls.hpp"

namespace kit::net::detail {

/// TLS on a stream, either side. OpenSSL reads the inner stream itself, and what it writes gathers
/// here and leaves in one write.
///
/// A read goes on until `into` is full or OpenSSL and the inner stream have nothing more: a short
/// one means "drained", as for a socket. A write reports only bytes whose records the inner stream
/// has taken: when it reports all of them the stream can be dropped. What was encrypted but not
/// taken is kept, and the next write, which begins with the same bytes, does not encrypt it again.
class TlsStream final : public Stream, private ReadinessHandler, private Ready {
 public:
  struct Options {
    Clock::duration handshake_timeout{};
    TlsCounts* counts = nullptr;  ///< Kept alive by `owner`.
    std::shared_ptr<void> owner;
    const TlsTarget* target = nullptr;  ///< Of a client; read in the constructor only.
  };
  TlsStream(std::unique_ptr<Stream> inner, std::shared_ptr<const TlsContext> context,
            Options options);
  ~TlsStream() override;

  IoResult read(std::span<char> into) override;
  IoResult write(std::span<const std::string_view> parts) override;
  void watch(ReadinessHandler& handler) override;
  void shutdown_write() override;
  void abort() override;
  std::string_view peer() const override { return inner_->peer(); }
  const TlsPeer* tls() const override { return about_peer_.get(); }
  std::string_view application_protocol() const override;

  /// Ends when the handshake has. Fails with why it did not succeed.
  class Handshake final : public Operation<void> {
   public:
    explicit Handshake(TlsStream& stream) : stream_(stream) {}
    ~Handshake() { detach(); }

   private:
    friend class TlsStream;
    void start() override;
    void detach() override;
    void end();
    TlsStream& stream_;
  };

  static TlsStream& of(const SSL* ssl);
  TlsContextState& context_state() const { return context_->state(); }
  const std::string& session_key() const { return session_key_; }

  // What OpenSSL calls.
  int bio_read(char* into, int size, BIO* bio);
  int bio_write(const char* bytes, int size);
  void handshake_message_came();

 private:
  enum class Phase : std::uint8_t { handshake, open, failed };
  /// What has been encrypted and not taken yet.
  struct Record {
    std::size_t end = 0;    ///< Its last byte in `output_`.
    std::size_t plain = 0;  ///< How much of what was to be written is in it.
  };
  static constexpr std::size_t most_records = 4;
  static constexpr std::size_t record_bytes = 16 * 1024;

  void on_readiness(Readiness readiness) override;
  void on_ready() override;
  void on_timeout();
  void report_later(Readiness readiness);

  void begin_client(const TlsTarget& target);
  void shake_hands();
  void handshake_done();
  void fail(int error_number, std::string why);
  void describe_peer();

  IoResult end_of_reading(int ssl_error);
  std::size_t encrypt(std::span<const std::string_view> parts, std::size_t from);
  bool flush();
  std::size_t acknowledged();
  std::size_t waiting() const;

  std::unique_ptr<Stream> inner_;
  std::shared_ptr<const TlsContext> context_;
  std::shared_ptr<void> owner_;
  TlsCounts* counts_;
  Ssl ssl_;
  std::unique_ptr<TlsPeer> about_peer_;
  ReadinessHandler* handler_ = nullptr;
  Handshake* shaking_ = nullptr;
  Timer timer_;
  std::string output_;  ///< For the inner stream; empty and without room most of the time.
  std::size_t sent_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t late_messages_ = 0;  ///< Of the handshake protocol, behind the handshake.
  std::array<Record, most_records> records_{};
  std::uint8_t record_count_ = 0;
  Phase phase_ = Phase::handshake;
  bool inner_drained_ = false;  ///< It had less than was asked for; readiness will be reported.
  bool inner_hung_up_ = false;
  bool inner_ended_ = false;
  bool inner_gone_ = false;  ///< Writing is of no use any more.
  bool write_blocked_ = false;
  bool ending_ = false;  ///< close_notify is on its way; then the inner stream's sending side ends.
  bool ended_ = false;
  bool aborted_ = false;
  int error_number_ = 0;
  Readiness due_;
  std::string failure_;  ///< Why the handshake failed.
  bool certificate_refused_ = false;
  std::string session_key_;
};

}  // namespace kit::net::detail
