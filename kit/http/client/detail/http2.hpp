// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/http/client/client_options.hpp"
#include "kit/http/client/detail/exchange.hpp"
#include "kit/http/detail/http2_client_session.hpp"
#include "kit/net/stream.hpp"

namespace kit::http::detail {

class Http2ClientExchange;

/// A connection that speaks HTTP/2: many requests at a time. It reads whenever there is something,
/// also while it serves nobody, so that a GOAWAY is seen.
class Http2ClientConnection final : public ClientConnection, private ReadinessHandler {
 public:
  /// Lifetime: `options` outlives the connection.
  Http2ClientConnection(std::unique_ptr<net::Stream> stream, const ClientOptions& options);
  ~Http2ClientConnection() override;

  std::size_t capacity() const override;
  bool multiplexes() const override { return true; }
  bool usable() override;
  std::unique_ptr<ClientExchange> begin(const Outgoing& outgoing, Progress& progress) override;

 private:
  friend class Http2ClientExchange;
  void on_readiness(Readiness readiness) override;
  void read();
  /// Sends what there is to send, as far as it goes.
  void flush();
  void lose(Error why);
  /// What came is of use: it pays for frames that carry nothing.
  void earn(std::size_t bytes) { overhead_ -= std::min(overhead_, bytes); }

  std::unique_ptr<net::Stream> stream_;
  const ClientOptions& options_;
  Http2ClientSession session_;
  std::vector<Http2ClientExchange*> exchanges_;
  std::array<char, 16 * 1024> buffer_;
  std::string out_;           // not taken by the stream yet
  std::size_t overhead_ = 0;  // bytes that carried nothing for anybody
  bool lost_ = false;
};

/// A stream of it. Its body waits in the windows until it is read.
class Http2ClientExchange final : public ClientExchange, private Http2ClientSession::Stream {
 public:
  Http2ClientExchange(Http2ClientConnection& connection, const Outgoing& outgoing,
                      Progress& progress);
  ~Http2ClientExchange() override;

  Task<Response> head() override;
  bool has_body() const override { return !answered_ || !received_.empty(); }
  std::optional<std::uint64_t> body_size() const override { return size_; }
  Task<std::string_view> read() override;
  Task<> sent() override;
  void stop_sending() override;
  /// The connection serves others whatever becomes of this one.
  bool reusable() const override { return true; }

 private:
  friend class Http2ClientConnection;
  class Wait;

  void on_head(int status, Http2ClientSession::Fields fields) override;
  void on_body(std::string_view bytes) override;
  void on_end() override { finish(); }
  void on_failure(Error why, bool is_unprocessed) override;
  Http2ClientSession::Piece next_body(std::size_t most) override;

  Http2ClientSession::Fields fields() const;
  Result<> submit();
  Task<> send_stream();
  void sender_ended();
  void upload_ended();
  void finish();
  void fail(Error why);
  void wake_all();
  void arm(Timer& timer, Clock::duration limit);
  void arm_head();

  Http2ClientConnection& connection_;
  const ClientOptions& options_;
  const Outgoing* outgoing_;  // until the head is there
  Progress* progress_;        // likewise
  std::shared_ptr<Payload> payload_;

  Response response_;
  bool has_head_ = false;
  bool answered_ = false;  // to the end
  bool is_head_request_ = false;
  std::optional<std::uint64_t> size_;
  std::string received_;
  std::string piece_;  // what `read` gave away
  std::optional<Error> failure_;

  std::string_view upload_;  // given by the payload, not taken by the session
  bool last_ = true;         // nothing comes behind `upload_`
  bool sent_ = false;
  bool sending_stopped_ = false;

  Wait* reading_ = nullptr;
  Wait* taking_ = nullptr;
  Wait* sending_wait_ = nullptr;
  Timer stall_;       // of the answer
  Timer send_stall_;  // of the request
  std::optional<Clock::time_point> head_by_;
  Context sending_{Context::Detached{}};
  std::optional<Task<>> sender_;  // last: dropped first
};

}  // namespace kit::http::detail
