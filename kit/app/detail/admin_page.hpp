// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::app::detail {

/// What pages of the admin port send with their HTML: styles of their own, and nothing else.
inline constexpr std::string_view admin_page_policy =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'";

/// Everything up to the content of a page of the admin port, for wide and narrow screens. Tables of
/// the class "wide" become a block a row on narrow ones. `title`: a literal.
std::string admin_page_head(std::string_view title);
inline constexpr std::string_view admin_page_foot = "</body></html>\n";

}  // namespace kit::app::detail
