// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/http2_client_session.hpp"

#include <algorithm>
#include <cstring>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

namespace kit::http::detail {
namespace {

constexpr std::size_t field_overhead = 32;  // RFC 9113 section 6.5.2

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv to_field(std::string_view name, std::string_view value) {
  // The session only reads what it is given here.
  auto bytes_of = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// HTTP/2 has no place for them (RFC 9113 section 8.2.2); the Host is the :authority.
bool belongs_to_connection(std::string_view lower_name) {
  return lower_name == "connection" || lower_name == "keep-alive" || lower_name == "host" ||
         lower_name == "proxy-connection" || lower_name == "transfer-encoding" ||
         lower_name == "upgrade";
}

Error session_error(int code) {
  return Error(Code::unavailable, std::string("HTTP/2: ") + nghttp2_strerror(code));
}

}  // namespace

struct Http2ClientSessionCallbacks {
  using Session = Http2ClientSession;
  static Session& of(void* session) { return *static_cast<Session*>(session); }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    Session::Stream* const stream = of(self).find(frame->hd.stream_id);
    if (stream == nullptr || stream->has_head_) return 0;  // trailers
    stream->list_bytes_ += name_size + value_size + field_overhead;
    if (stream->list_bytes_ > of(self).limits_.header_bytes) {
      stream->too_large_ = true;
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_CANCEL);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (text_of(name, name_size) == ":status") {  // three digits, the library has seen to it
      stream->status_ = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
    } else {
      stream->fields_.emplace_back(text_of(name, name_size), text_of(value, value_size));
    }
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Session::Stream* const stream = of(self).find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->ended_ |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_DATA || stream->has_head_) return 0;
    Session::Fields fields = std::exchange(stream->fields_, {});
    if (stream->status_ < 200) return 0;
    stream->has_head_ = true;
    stream->on_head(stream->status_, std::move(fields));
    return 0;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                  const std::uint8_t* bytes, std::size_t size, void* self) {
    Session::Stream* const stream = of(self).find(id);
    if (stream == nullptr) return nghttp2_session_consume(session, id, size);
    stream->held_ += size;
    stream->on_body(text_of(bytes, size));
    return 0;
  }

  static int close(nghttp2_session*, std::int32_t id, std::uint32_t error_code, void* self) {
    if (Session::Stream* const stream = of(self).find(id)) of(self).closed(*stream, error_code);
    return 0;
  }

  /// A request that waited for others to end, and whose connection takes none any more: no stream
  /// was opened for it.
  static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    of(self).streams_.for_each([&](Session::Stream& stream) {
      if (stream.id_ == frame->hd.stream_id) of(self).closed(stream, NGHTTP2_REFUSED_STREAM);
    });
    return 0;
  }

  static ssize_t body(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t most,
                      std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Session::Stream* const stream = of(self).find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // cancelled
    const Session::Piece piece = stream->next_body(most);
    KIT_ASSERT(piece.bytes.size() <= most, "a piece is no larger than asked for");
    if (piece.bytes.empty() && !piece.ends) return NGHTTP2_ERR_DEFERRED;
    if (!piece.bytes.empty()) std::memcpy(to, piece.bytes.data(), piece.bytes.size());
    if (piece.ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(piece.bytes.size());
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    KIT_ASSERT(nghttp2_session_callbacks_new(&all) == 0, "out of memory");
    nghttp2_session_callbacks_set_on_header_callback(all, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, frame_not_sent);
    return all;
  }
};

Http2ClientSession::Http2ClientSession(const Limits& limits) : limits_(limits) {
  static nghttp2_session_callbacks* const callbacks = Http2ClientSessionCallbacks::make();
  static nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    KIT_ASSERT(nghttp2_option_new(&made) == 0, "out of memory");
    nghttp2_option_set_no_auto_window_update(made, 1);
    return made;
  }();
  int failed = nghttp2_session_client_new2(&session_, callbacks, this, options);
  KIT_ASSERT(failed == 0, "out of memory");
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes)},
  };
  failed = nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  failed |= nghttp2_session_set_local_window_size(
      session_, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window));
  KIT_ASSERT(failed == 0, "the limits are valid settings");
}

Http2ClientSession::~Http2ClientSession() {
  nghttp2_session_del(session_);
}

Result<> Http2ClientSession::submit(const Request& request, Stream& stream) {
  if (!is_open()) return Error(Code::unavailable, "the connection takes no further request");
  std::vector<nghttp2_nv> fields = {
      to_field(":method", request.method), to_field(":scheme", request.scheme),
      to_field(":authority", request.authority), to_field(":path", request.path)};
  std::vector<std::string> names;
  if (request.fields != nullptr) {
    names.reserve(request.fields->size());
    for (const auto& [name, value] : *request.fields) {
      names.push_back(to_lower(name));
      if (!belongs_to_connection(names.back())) fields.push_back(to_field(names.back(), value));
    }
  }
  nghttp2_data_provider body{};
  body.read_callback = Http2ClientSessionCallbacks::body;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                                 request.has_body ? &body : nullptr, &stream);
  if (id < 0) return session_error(id);
  stream.id_ = id;
  streams_.push_back(stream);
  ++count_;
  return {};
}

Http2ClientSession::Stream* Http2ClientSession::find(std::int32_t id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

/// Takes the stream out of the session, and gives back what its owner has not read.
void Http2ClientSession::finish(Stream& stream) {
  nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
  if (stream.held_ > 0) {
    nghttp2_session_consume(session_, stream.id_, std::exchange(stream.held_, 0));
  }
  stream.unlink();
  --count_;
}

void Http2ClientSession::cancel(Stream& stream) {
  if (!stream.linked()) return;
  finish(stream);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
}

void Http2ClientSession::consume(Stream& stream, std::size_t bytes) {
  bytes = std::min(bytes, stream.held_);
  stream.held_ -= bytes;
  if (bytes > 0) nghttp2_session_consume(session_, stream.id_, bytes);
}

void Http2ClientSession::resume(Stream& stream) {
  if (stream.linked()) nghttp2_session_resume_data(session_, stream.id_);
}

void Http2ClientSession::closed(Stream& stream, std::uint32_t error_code) {
  finish(stream);
  if (stream.ended_ && stream.has_head_ && !stream.too_large_) return stream.on_end();
  if (stream.too_large_) {
    return stream.on_failure(
        Error(Code::resource_exhausted, "the header fields of the answer are too large"), false);
  }
  // GOAWAY ends the streams it does not cover with this code, too.
  const bool is_unprocessed = error_code == NGHTTP2_REFUSED_STREAM;
  stream.on_failure(Error(Code::unavailable, std::string("the server reset the stream: ") +
                                                 nghttp2_http2_strerror(error_code)),
                    is_unprocessed);
}

Result<> Http2ClientSession::receive(std::string_view bytes) {
  const ssize_t used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) return session_error(static_cast<int>(used));
  return {};
}

Result<> Http2ClientSession::produce(std::string& out, std::size_t most) {
  while (out.size() < most) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &frame);
    if (size < 0) return session_error(static_cast<int>(size));
    if (size == 0) break;
    out.append(text_of(frame, static_cast<std::size_t>(size)));
  }
  return {};
}

void Http2ClientSession::lose(const Error& why) {
  lost_ = true;
  while (!streams_.empty()) {
    Stream& stream = streams_.front();
    finish(stream);
    stream.on_failure(why.clone(), false);
  }
}

bool Http2ClientSession::is_open() const {
  return !lost_ && nghttp2_session_check_request_allowed(session_) != 0;
}

bool Http2ClientSession::is_done() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

std::uint32_t Http2ClientSession::most_streams() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace kit::http::detail
