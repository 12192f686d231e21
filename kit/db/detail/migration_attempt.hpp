// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kit/db/detail/run_script.hpp"
#include "kit/db/migrations.hpp"

namespace kit::db {

struct Migrator::Attempt {
  bool is_down = false;
  bool has_begun = false;           ///< Statements of it may have run.
  std::size_t statements_done = 0;  ///< That stay.
  detail::ScriptPlace place = {};
};

namespace detail {

/// Another runner was at work at the same time.
Error race(const Migration& migration, std::string_view what);
/// Fails when one of the steps would lose data.
Result<> refuse_losses(std::span<const Migration> steps, const TableColumns& columns);

}  // namespace detail
}  // namespace kit::db
