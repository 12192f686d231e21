// SPDX-License-Identifier: Apache-2.0
#include "kit/http/http2_test_support.hpp"

#include <algorithm>

namespace kit::http {
namespace {

std::uint8_t* bytes_of(std::string_view text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<nghttp2_nv> to_session(const Fields& fields) {
  std::vector<nghttp2_nv> all;
  for (const auto& [name, value] : fields) {
    all.push_back(
        {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return all;
}

/// HPACK: an integer with a prefix of seven bits (RFC 7541 section 5.1).
std::string hpack_size(std::size_t size) {
  std::string out;
  if (size < 127) return std::string(1, static_cast<char>(size));
  out.push_back(127);
  size -= 127;
  for (; size >= 128; size /= 128) out.push_back(static_cast<char>(size % 128 | 128));
  out.push_back(static_cast<char>(size));
  return out;
}

}  // namespace

std::string big_endian(std::uint64_t number, std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    out[count - 1 - i] = static_cast<char>(number >> (8 * i) & 0xFF);
  }
  return out;
}

std::string http2_frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                        std::string_view payload) {
  std::string out = big_endian(payload.size(), 3);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  out += big_endian(stream, 4);
  out += payload;
  return out;
}

std::string http2_block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out.push_back(0x10);
    out.append(hpack_size(name.size())).append(name);
    out.append(hpack_size(value.size())).append(value);
  }
  return out;
}

struct Http2ClientCallbacks {
  static Http2Client& of(void* client) { return *static_cast<Http2Client*>(client); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    Http2Answer& answer = of(self).answers_[frame->hd.stream_id];
    const std::string key(text_of(name, name_size));
    const std::string text(text_of(value, value_size));
    if (key != ":status") {
      answer.fields.emplace_back(key, text);
    } else if (text.starts_with('1')) {
      answer.interim.push_back(std::stoi(text));
    } else {
      answer.status = std::stoi(text);
    }
    return 0;
  }
  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                  std::size_t size, void* self) {
    of(self).answers_[stream].body += text_of(bytes, size);
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Http2Client& client = of(self);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      ++client.goaways;
      client.goaway_code = frame->goaway.error_code;
      client.goaway_last = frame->goaway.last_stream_id;
    }
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      ++client.pings_answered;
    }
    if (frame->hd.type == NGHTTP2_DATA) {
      client.data_order.push_back(frame->hd.stream_id);
      ++client.answers_[frame->hd.stream_id].frames;
    }
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      client.answers_[frame->hd.stream_id].ended = true;
    }
    return 0;
  }
  static int close(nghttp2_session*, std::int32_t stream, std::uint32_t error_code, void* self) {
    Http2Answer& answer = of(self).answers_[stream];
    answer.closed = true;
    answer.error_code = error_code;
    return 0;
  }
  static ssize_t upload(nghttp2_session*, std::int32_t stream, std::uint8_t* to, std::size_t most,
                        std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Http2Client::Upload& upload = of(self).uploads_[stream];
    if (upload.bytes.empty() && !upload.ends) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = std::min(most, upload.bytes.size());
    std::copy_n(upload.bytes.data(), size, to);
    upload.bytes.erase(0, size);
    if (upload.ends && upload.bytes.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }
};

Http2Client::Http2Client(testing::VirtualLoop& loop,
                         std::unique_ptr<testing::MemoryClient> connection, Options options)
    : loop_(loop), connection_(std::move(connection)), options_(options) {
  nghttp2_session_callbacks* callbacks = nullptr;
  EXPECT_EQ(nghttp2_session_callbacks_new(&callbacks), 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Http2ClientCallbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Http2ClientCallbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Http2ClientCallbacks::frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Http2ClientCallbacks::close);
  nghttp2_option* option = nullptr;
  EXPECT_EQ(nghttp2_option_new(&option), 0);
  nghttp2_option_set_no_auto_window_update(option, options.opens_windows ? 0 : 1);
  EXPECT_EQ(nghttp2_session_client_new2(&session_, callbacks, this, option), 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window}};
  EXPECT_EQ(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1), 0);
  run();
}

Http2Client::~Http2Client() {
  nghttp2_session_del(session_);
}

std::int32_t Http2Client::send(std::string_view method, std::string_view path,
                               std::string_view body, const Fields& more) {
  Fields fields = {{":method", std::string(method)},
                   {":scheme", "http"},
                   {":authority", "a"},
                   {":path", std::string(path)}};
  if (!body.empty()) fields.emplace_back("content-type", "text/plain");
  fields.insert(fields.end(), more.begin(), more.end());
  if (!body.empty()) {
    const std::int32_t stream = begin(fields);
    send_body(stream, body, true);
    return stream;
  }
  const auto all = to_session(fields);
  return nghttp2_submit_request(session_, nullptr, all.data(), all.size(), nullptr, nullptr);
}

std::int32_t Http2Client::begin(const Fields& fields) {
  const auto all = to_session(fields);
  nghttp2_data_provider body{};
  body.read_callback = Http2ClientCallbacks::upload;
  return nghttp2_submit_request(session_, nullptr, all.data(), all.size(), &body, nullptr);
}

void Http2Client::send_body(std::int32_t stream, std::string_view bytes, bool ends) {
  Upload& upload = uploads_[stream];
  upload.bytes += bytes;
  upload.ends = ends;
  nghttp2_session_resume_data(session_, stream);  // fails before it was deferred: then it is read
}

void Http2Client::reset(std::int32_t stream, std::uint32_t error_code) {
  EXPECT_EQ(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error_code), 0);
}

void Http2Client::ping() {
  EXPECT_EQ(nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr), 0);
}

void Http2Client::settings() {
  EXPECT_EQ(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0), 0);
}

void Http2Client::raw(std::string_view bytes) {
  run();
  connection_->send(bytes);
}

void Http2Client::take(std::int32_t stream, std::size_t bytes) {
  EXPECT_EQ(nghttp2_session_consume(session_, stream, bytes), 0);
}

/// True: something moved.
bool Http2Client::exchange_once() {
  const std::uint8_t* out = nullptr;
  ssize_t size = 0;
  bool moved = false;
  while ((size = nghttp2_session_mem_send(session_, &out)) > 0) {
    connection_->send(text_of(out, static_cast<std::size_t>(size)));
    moved = true;
  }
  loop_.advance(Clock::duration::zero());
  const std::string in = connection_->take();
  received += in.size();
  if (!in.empty()) {
    EXPECT_EQ(nghttp2_session_mem_recv(session_, bytes_of(in), in.size()),
              static_cast<ssize_t>(in.size()));
  }
  return moved || !in.empty();
}

void Http2Client::run(Clock::duration time) {
  while (exchange_once()) {
  }
  if (time == Clock::duration::zero()) return;
  loop_.advance(time);
  while (exchange_once()) {
  }
}

std::vector<Http2Test::Frame> Http2Test::frames_of(std::string_view bytes) {
  std::vector<Frame> frames;
  auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(bytes[at])}; };
  while (bytes.size() >= 9) {
    const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    Frame frame;
    frame.type = static_cast<std::uint8_t>(byte(3));
    frame.flags = static_cast<std::uint8_t>(byte(4));
    frame.stream =
        static_cast<std::uint32_t>(byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8));
    frame.payload = bytes.substr(9, size);
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
    frames.push_back(std::move(frame));
  }
  return frames;
}

int Http2Test::goaway_code(std::string_view bytes) {
  int code = -1;
  for (const Frame& frame : frames_of(bytes)) {
    if (frame.type == NGHTTP2_GOAWAY) code = static_cast<unsigned char>(frame.payload.at(7));
  }
  return code;
}

int Http2Test::resets_in(std::string_view bytes) {
  int resets = 0;
  for (const Frame& frame : frames_of(bytes)) resets += frame.type == NGHTTP2_RST_STREAM ? 1 : 0;
  return resets;
}

std::string Http2Test::hello() {
  return std::string(http2_preface) + http2_frame(NGHTTP2_SETTINGS, 0, 0, "");
}

std::string Http2Test::get_frame(std::uint32_t stream, std::string_view path) {
  return http2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, stream,
                     http2_block({{":method", "GET"},
                                  {":scheme", "http"},
                                  {":authority", "a"},
                                  {":path", std::string(path)}}));
}

}  // namespace kit::http
