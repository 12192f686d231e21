// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/http/detail/response_writer.hpp"
#include "kit/http/message.hpp"

namespace kit::http::detail {

/// The fields of an answer in the form that a session takes. By the rules of `append_response`:
/// what the server writes itself comes from it alone, values are cleaned, names are tokens, here in
/// lower case. Reused, so that an answer allocates nothing once it has grown.
class Http2Fields {
 public:
  /// Lifetime: the fields live until the next call, and what they are made from as long.
  void set(const Response& response, const ResponseOptions& options);

  const nghttp2_nv* data() const { return fields_.data(); }
  std::size_t size() const { return fields_.size(); }
  /// Of all names and values, uncompressed.
  std::size_t bytes() const { return bytes_; }

 private:
  void add(std::string_view name, std::string_view value,
           std::uint8_t flags = NGHTTP2_NV_FLAG_NONE);
  void add_header(std::string_view name, std::string_view value);
  void add_number(std::string_view name, std::uint64_t number);
  void add_framing(const Response& response, const ResponseOptions& options);

  std::vector<nghttp2_nv> fields_;
  std::string texts_;  // never grows while fields point into it
  std::size_t bytes_ = 0;
};

}  // namespace kit::http::detail
