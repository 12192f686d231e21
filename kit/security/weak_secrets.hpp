// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace kit::security {

/// Whether somebody who guesses would try it among the first: the secrets and passwords of
/// examples, manuals and frameworks, in any letters' case, alone or over and over.
bool is_well_known_secret(std::string_view secret);

/// What is wrong with it as a key that nobody may guess, to follow "the secret ": "is empty", "has
/// fewer than 32 bytes", "stands in manuals and lists of passwords", "has hardly any different
/// characters". Nothing: no mistake is known. Lifetime: a literal.
std::optional<std::string_view> weakness(std::string_view secret);

}  // namespace kit::security
