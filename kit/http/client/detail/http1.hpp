// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>

#include "kit/async/operation.hpp"
#include "kit/http/chunked.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/client/detail/exchange.hpp"
#include "kit/net/async_stream.hpp"

namespace kit::http::detail {

/// A connection that speaks HTTP/1.1: one request at a time.
class Http1Connection final : public ClientConnection {
 public:
  /// `absolute_target`: the other side is a proxy. Lifetime: `options` outlives the connection.
  Http1Connection(std::unique_ptr<net::Stream> stream, const ClientOptions& options,
                  bool absolute_target)
      : stream_(std::move(stream)), options_(options), absolute_target_(absolute_target) {}

  std::size_t capacity() const override { return 1; }
  bool usable() override { return !stream_.stale(); }
  std::unique_ptr<ClientExchange> begin(const Outgoing& outgoing, Progress& progress) override;

 private:
  friend class Http1Exchange;
  net::AsyncStream stream_;
  const ClientOptions& options_;
  bool absolute_target_;
};

/// The request is written, then its body by a task of its own, so that an answer which comes early
/// is seen, and both bodies can flow at once.
class Http1Exchange final : public ClientExchange {
 public:
  Http1Exchange(Http1Connection& connection, const Outgoing& outgoing, Progress& progress);
  ~Http1Exchange() override;

  Task<Response> head() override;
  bool has_body() const override { return !done_; }
  std::optional<std::uint64_t> body_size() const override;
  Task<std::string_view> read() override;
  Task<> sent() override;
  void stop_sending() override;
  bool reusable() const override;

 private:
  class Reading;
  class SentWait;

  std::string render_head() const;
  Task<> write_head(std::string text);
  Task<> write(std::string_view bytes);
  Task<> write_piece(std::string_view bytes);
  Task<> send_body();
  Task<> send_stream();
  void start_body();
  void body_ended();
  Task<std::size_t> receive(bool of_head);
  Task<std::size_t> receive_body();
  Task<std::string_view> read_chunks();
  Response make_response() const;
  void arm_stall(Clock::time_point at);
  void arm_head();

  Http1Connection& connection_;
  const ClientOptions& options_;
  const Outgoing* outgoing_;  // until the head is there
  Progress* progress_;        // likewise
  std::shared_ptr<Payload> payload_;

  ResponseParser parser_;
  Limits chunk_limits_;
  ChunkedDecoder chunks_;
  std::string head_bytes_;
  std::array<char, 16 * 1024> buffer_;
  std::string_view rest_;   // received, not yet given away
  std::string piece_;       // decoded chunks
  std::uint64_t left_ = 0;  // of a body with a length
  bool done_ = false;       // the answer has ended

  Reading* reading_ = nullptr;
  SentWait* sent_wait_ = nullptr;
  Timer stall_;
  std::optional<Clock::time_point> head_by_;  // since the request was sent
  bool sent_ = false;                         // the whole request
  bool sending_stopped_ = false;              // without the rest
  std::optional<Error> send_error_;
  Context sending_{Context::Detached{}};
  std::optional<Task<>> sender_;  // last: dropped first
};

}  // namespace kit::http::detail
