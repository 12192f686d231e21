// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/intrusive_list.hpp"
#include "kit/base/result.hpp"

namespace kit::http::detail {

/// The client's half of an HTTP/2 connection without I/O: requests and bytes in, answers and bytes
/// out. Frames, HPACK and flow control are nghttp2's.
class Http2ClientSession {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// Some of a request's body.
  struct Piece {
    std::string_view bytes;
    bool ends = false;  ///< With `bytes`. Neither bytes nor the end: `resume` says when to ask.
  };

  /// One request, as its owner sees it. Called from `receive` and `produce`, where it may call
  /// everything but those two. `on_end` or `on_failure` is the last call. Lifetime: until then, or
  /// the session's end.
  class Stream : public ListNode<struct Http2ClientStreamTag> {
   public:
    virtual ~Stream() = default;
    /// The final status and fields, names in lower case; interim answers are dropped.
    virtual void on_head(int status, Fields fields) = 0;
    /// The windows stay closed for these bytes until `consume`.
    virtual void on_body(std::string_view bytes) = 0;
    virtual void on_end() = 0;
    /// `is_unprocessed`: the server has done nothing for it, it can be sent again anywhere.
    virtual void on_failure(Error why, bool is_unprocessed) = 0;
    /// At most `most` bytes; asked for as the server's windows allow.
    virtual Piece next_body(std::size_t most) = 0;
    /// The answer has come to its end, maybe before its request has.
    bool is_answered() const { return has_head_ && ended_; }

   private:
    friend class Http2ClientSession;
    friend struct Http2ClientSessionCallbacks;
    std::int32_t id_ = 0;
    int status_ = 0;
    Fields fields_;
    std::size_t list_bytes_ = 0;
    std::size_t held_ = 0;
    bool ended_ = false;
    bool has_head_ = false;
    bool too_large_ = false;
  };

  struct Request {
    std::string_view method;
    std::string_view scheme = "https";
    std::string_view authority;
    std::string_view path;
    const Fields* fields = nullptr;  ///< Names in any case; those of the connection are left out.
    bool has_body = false;
  };

  struct Limits {
    std::uint32_t stream_window = 256 * 1024;       ///< Unread bytes of one answer.
    std::uint32_t connection_window = 1024 * 1024;  ///< Of all answers.
    std::size_t header_bytes = 64 * 1024;           ///< Past it the answer is a failure.
  };

  explicit Http2ClientSession(const Limits& limits);
  ~Http2ClientSession();
  Http2ClientSession(const Http2ClientSession&) = delete;
  Http2ClientSession& operator=(const Http2ClientSession&) = delete;

  /// Fails with `unavailable` when the connection takes no further request.
  Result<> submit(const Request& request, Stream& stream);
  /// The owner has no use for the answer any more; it is not called again.
  void cancel(Stream& stream);
  /// Lets the server send as much again.
  void consume(Stream& stream, std::size_t bytes);
  /// `next_body` has something now.
  void resume(Stream& stream);

  /// What came from the server. Fails when it is not HTTP/2; the connection is over then.
  Result<> receive(std::string_view bytes);
  /// Appends what is to be sent to `out`, until it has about `most` bytes.
  Result<> produce(std::string& out, std::size_t most);
  /// The connection is gone: fails all that is under way.
  void lose(const Error& why);

  /// The server takes further requests (fewer than `most_streams` at once, others wait here).
  bool is_open() const;
  /// Nothing is left to be read or sent.
  bool is_done() const;
  std::uint32_t most_streams() const;
  std::size_t streams() const { return count_; }

 private:
  friend struct Http2ClientSessionCallbacks;
  Stream* find(std::int32_t id) const;
  void finish(Stream& stream);
  void closed(Stream& stream, std::uint32_t error_code);

  const Limits limits_;
  nghttp2_session* session_ = nullptr;
  IntrusiveList<Stream, Http2ClientStreamTag> streams_;
  std::size_t count_ = 0;
  bool lost_ = false;
};

}  // namespace kit::http::detail
