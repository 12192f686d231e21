// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/app/settings.hpp"
#include "kit/config/section.hpp"
#include "kit/db/dialect.hpp"

namespace kit::app::detail {

/// Declares the settings of the section database, but for the sizes.
void describe_database(config::Section section, Settings& settings);

/// Reads `url_file`, and takes the path of sqlite:PATH. Fails with `invalid_argument`, without what
/// may be a password.
Result<> resolve_database(Settings::Database& database);

/// Which database a URL names; nothing for what is no URL of one.
std::optional<db::Dialect> dialect_of(std::string_view url);

}  // namespace kit::app::detail
