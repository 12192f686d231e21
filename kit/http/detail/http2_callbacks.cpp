// SPDX-License-Identifier: Apache-2.0
// What a session calls. Nothing here decides anything; nothing here may call the session's own
// reading or writing.
#include "kit/http/detail/http2_callbacks.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kit/base/assert.hpp"
#include "kit/http/detail/http2_connection.hpp"
#include "kit/http/detail/server_state.hpp"

namespace kit::http::detail {
namespace {

constexpr std::size_t frame_head_bytes = 9;

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

bool ends_stream(const nghttp2_frame& frame) {
  return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

bool begins_request(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

}  // namespace

struct Http2Callbacks {
  static Http2Connection& of(void* connection) {
    return *static_cast<Http2Connection*>(connection);
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    of(self).list_bytes_ = 0;
    if (begins_request(*frame)) of(self).begin_request(frame->hd.stream_id);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* self) {
    // Trailers are counted and dropped.
    Http2Stream* const stream =
        begins_request(*frame) ? of(self).find(frame->hd.stream_id) : nullptr;
    return of(self).add_field(stream, text_of(name, name_size), text_of(value, value_size))
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  /// By default the library leaves such a field out; here it makes the request malformed.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int check_queue(nghttp2_session* session, Http2Connection& connection) {
    if (nghttp2_session_get_outbound_queue_size(session) <=
        connection.server_.limits.http2_queued_frames) {
      return 0;
    }
    connection.server_.hit(Limit::http2_queued_frames);
    connection.problem_ = "too many frames that have to be answered";
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int invalid_frame(nghttp2_session* session, const nghttp2_frame*, int error, void* self) {
    if (error == NGHTTP2_ERR_REFUSED_STREAM) of(self).server_.hit(Limit::http2_streams);
    return check_queue(session, of(self));
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    Http2Connection& connection = of(self);
    if (const int failed = check_queue(session, connection); failed != 0) return failed;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      connection.finish_drain();
      return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Stream* const stream = connection.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (begins_request(*frame)) {
      connection.head_complete(*stream, ends_stream(*frame));
    } else if (ends_stream(*frame)) {
      connection.request_ended(*stream);
    }
    return 0;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                        const std::uint8_t* data, std::size_t size, void* self) {
    Http2Stream* const stream = of(self).find(id);
    if (stream == nullptr) return nghttp2_session_consume(session, id, size);
    of(self).body_bytes(*stream, text_of(data, size));
    return 0;
  }

  static int stream_close(nghttp2_session*, std::int32_t id, std::uint32_t error_code, void* self) {
    if (Http2Stream* const stream = of(self).find(id)) of(self).stream_closed(*stream, error_code);
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    of(self).frame_sent(*frame);
    return 0;
  }

  /// An answer whose fields are more than the library sends.
  static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Http2Stream* const stream = of(self).find(frame->hd.stream_id)) {
      of(self).reset(*stream, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head,
                       std::size_t length, nghttp2_data_source* source, void* self) {
    of(self).put_data(*static_cast<Http2Stream*>(source->ptr),
                      text_of(frame_head, frame_head_bytes), length);
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* source, void* self) {
    return of(self).next_bytes(*static_cast<Http2Stream*>(source->ptr), most, *flags);
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    KIT_ASSERT(nghttp2_session_callbacks_new(&all) == 0, "out of memory");
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(all, invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(all, send_data);
    return all;
  }
};

nghttp2_session* make_http2_session(Http2Connection& connection) {
  static nghttp2_session_callbacks* const callbacks = Http2Callbacks::make();
  static nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    KIT_ASSERT(nghttp2_option_new(&made) == 0, "out of memory");
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_max_reserved_remote_streams(made, 0);
    return made;
  }();
  nghttp2_session* session = nullptr;
  const int failed = nghttp2_session_server_new2(&session, callbacks, &connection, options);
  KIT_ASSERT(failed == 0, "out of memory");
  return session;
}

nghttp2_data_source_read_callback http2_body_source() {
  return Http2Callbacks::read_body;
}

}  // namespace kit::http::detail
