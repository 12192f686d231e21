// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/db/database.hpp"

namespace kitgen::cli {

/// Which database an address names: "postgresql://...", "mysql://..." or "mariadb://..."; else it
/// is a file of SQLite.
kit::db::Dialect dialect_of(std::string_view address);

/// The address as messages may show it: without the password.
std::string shown_address(std::string_view address);

/// The password of KITGEN_DB_PASSWORD, where the address of a server has none.
std::string with_password(std::string_view address, std::string_view password);

/// Opens what `--database` names, with the patience of a migration: nothing ends a statement for
/// being slow. `may_create`: a file of SQLite that is not there. Fails with `not_found` for such a
/// file otherwise, with `unimplemented` when this kitgen was built without the server's library.
kit::Result<std::unique_ptr<kit::db::Database>> open_database(const std::string& address,
                                                              bool may_create);

}  // namespace kitgen::cli
