// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

namespace kit::http::detail {

class Http2Connection;

/// A server session whose events are `connection`'s. Ends the process when there is no memory.
nghttp2_session* make_http2_session(Http2Connection& connection);

/// What reads the body of an answer, whose stream is the source.
nghttp2_data_source_read_callback http2_body_source();

}  // namespace kit::http::detail
