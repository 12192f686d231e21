// SPDX-License-Identifier: Apache-2.0
#include "kit/http/message.hpp"

#include "kit/base/text.hpp"

namespace kit::http {

std::string_view name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::delete_:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "OTHER";
}

std::optional<std::string_view> Request::header(std::string_view header_name) const {
  for (const Header& header : headers) {
    if (iequals(header.name, header_name)) return header.value;
  }
  return std::nullopt;
}

}  // namespace kit::http
