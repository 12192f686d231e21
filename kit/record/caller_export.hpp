// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "kit/db/import.hpp"
#include "kit/record/access.hpp"
#include "kit/record/csv_fields.hpp"

namespace kit::record {

/// `target` without the columns of fields that the caller of the running task does not see, for
/// exports; null when it sees all of them. `columns`: those of `target`. Lifetime: `target` and
/// `columns` outlive it.
std::unique_ptr<db::ImportTarget> export_for_caller(db::ImportTarget& target,
                                                    const AccessRules& rules,
                                                    std::span<const CsvColumn> columns);

}  // namespace kit::record
