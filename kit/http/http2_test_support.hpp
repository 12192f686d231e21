// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/http/server_test_support.hpp"
#include "kit/testing/memory_network.hpp"

namespace kit::http {

inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

using Fields = std::vector<std::pair<std::string, std::string>>;

/// One frame as it is on the wire.
std::string http2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                        std::string_view payload);
/// A header block without compression: literals, never indexed.
std::string http2_block(const Fields& fields);
/// `count` bytes, most significant first.
std::string big_endian(std::uint64_t number, std::size_t count);

/// What came on one stream.
struct Http2Answer {
  int status = 0;
  std::vector<int> interim;  // statuses before it
  Fields fields;
  std::string body;
  bool ended = false;   // END_STREAM
  bool closed = false;  // by either side
  std::uint32_t error_code = 0;
  std::size_t frames = 0;  // of data

  std::string field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (key == name) return value;
    }
    return "(none)";
  }
};

/// An HTTP/2 client on an in-memory connection.
class Http2Client {
 public:
  struct Options {
    bool opens_windows = true;  // as what came was read
    std::uint32_t stream_window = 65'535;
  };
  Http2Client(testing::VirtualLoop& loop, std::unique_ptr<testing::MemoryClient> connection,
              Options options);
  ~Http2Client();

  /// Sends a request whose body is whole. Returns its stream.
  std::int32_t send(std::string_view method, std::string_view path, std::string_view body = {},
                    const Fields& more = {});
  std::int32_t get(std::string_view path, const Fields& more = {}) {
    return send("GET", path, {}, more);
  }
  /// Sends exactly these fields; the body follows with `send_body`.
  std::int32_t begin(const Fields& fields);
  void send_body(std::int32_t stream, std::string_view bytes, bool ends);
  void reset(std::int32_t stream, std::uint32_t error_code = NGHTTP2_CANCEL);
  void ping();
  void settings();
  /// Sends bytes as they are, behind what was sent.
  void raw(std::string_view bytes);
  void take(std::int32_t stream, std::size_t bytes);

  /// Moves bytes both ways for `time`, until nothing moves any more.
  void run(Clock::duration time = Clock::duration::zero());

  const Http2Answer& answer(std::int32_t stream) { return answers_[stream]; }
  bool closed() const { return connection_->closed(); }
  testing::MemoryClient& connection() { return *connection_; }

  int goaways = 0;
  std::uint32_t goaway_code = 0;
  std::int32_t goaway_last = 0;
  int pings_answered = 0;
  std::size_t received = 0;              // bytes
  std::vector<std::int32_t> data_order;  // the stream of each frame of data

 private:
  friend struct Http2ClientCallbacks;
  struct Upload {
    std::string bytes;
    bool ends = false;
  };
  bool exchange_once();

  testing::VirtualLoop& loop_;
  std::unique_ptr<testing::MemoryClient> connection_;
  Options options_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Http2Answer> answers_;
  std::map<std::int32_t, Upload> uploads_;
};

/// A server with the usual routes that speaks HTTP/2.
class Http2Test : public ServerTest {
 protected:
  Http2Client connect2(const Http2Client::Options& client = {},
                       const testing::MemoryNetworkOptions& network = {}) {
    return {loop, connect(network), client};
  }
  /// Bytes of our own making; what the server says is read frame by frame.
  struct Frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
  };
  static std::vector<Frame> frames_of(std::string_view bytes);
  /// The error code of the last GOAWAY; -1: there is none.
  static int goaway_code(std::string_view bytes);
  static int resets_in(std::string_view bytes);
  /// Preface and SETTINGS.
  static std::string hello();
  /// HEADERS of a GET with END_STREAM and END_HEADERS.
  static std::string get_frame(std::uint32_t stream, std::string_view path);
};

}  // namespace kit::http
