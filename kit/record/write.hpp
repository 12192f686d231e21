// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/record/errors.hpp"

namespace kit::record {

/// A foreign key of a table, to find out which one a refused write broke.
struct Reference {
  std::string_view field;   ///< "album_id"
  std::string_view label;   ///< "album"
  std::string_view reason;  ///< "TRACK_ALBUM_NOT_FOUND"
  std::string_view exists;  ///< SELECT 1 FROM albums WHERE id = ?1
  std::size_t parameter;    ///< Which parameter of the write is the key, from 0.
  bool deferred = false;    ///< The foreign key is checked at the commit only.
  /// For tables with soft delete, asked before the write: finds ?1 when it is not deleted or is
  /// what the row ?2 refers to already.
  std::string_view live = {};
  bool to_self = false;  ///< To rows of the same table.
};

/// When deferred references are looked up.
enum class Lookup : std::uint8_t {
  at_once,   ///< By the write that makes them.
  at_commit  ///< By nobody but the foreign key: for imports, where a row may refer to a later one.
};

/// Runs an INSERT or UPDATE. What the database refuses becomes what a client can act on: a unique
/// violation `already_exists` (409) with the reason CUSTOMER_EMAIL_TAKEN, a broken foreign key (or
/// one to a deleted row) `failed_precondition` (409) with the reason of its `Reference`; both with
/// a violation for each field. A deferred reference is looked up behind the statement, for a row
/// may refer to itself; so the transaction must be dropped when it fails. The first parameter is
/// the row's id. Lifetime: everything borrowed lives until the task has ended.
Task<db::Session::Changed> write(db::Session& session, std::string_view sql,
                                 std::span<const db::Parameter> parameters,
                                 const EntityName& entity, std::span<const Reference> references,
                                 Lookup lookup = Lookup::at_once);

/// What `write` asks before the statement: fails as it does when the row refers to one that is
/// deleted but still there, which a foreign key alone lets pass.
Task<> refuse_deleted(db::Session& session, std::span<const db::Parameter> parameters,
                      std::span<const Reference> references);

/// Looks up the deferred references of a row that was stored, for which `parameters` are those of
/// its write. Fails as `write` does.
Task<> check_references(db::Session& session, std::span<const db::Parameter> parameters,
                        std::span<const Reference> references);

/// Fails as `write` does when a row that comes back refers to one that is deleted meanwhile.
/// `parameters` are those of its write.
Task<> check_live(db::Session& session, std::span<const db::Parameter> parameters,
                  std::span<const Reference> references);

/// Runs a DELETE. A row others still refer to: `failed_precondition` (409) with the reason
/// CUSTOMER_IN_USE.
Task<db::Session::Changed> erase(db::Session& session, std::string_view sql,
                                 std::span<const db::Parameter> parameters,
                                 const EntityName& entity);

}  // namespace kit::record
