// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/base/id.hpp"
#include "kit/base/uuid.hpp"

namespace kit::record {

/// What an entity is called in errors.
struct EntityName {
  std::string_view label;  ///< "media type"
  std::string_view upper;  ///< "MEDIA_TYPE"
};

/// `not_found` with the reason MEDIA_TYPE_NOT_FOUND.
Error not_found(const EntityName& entity, std::string_view id);
inline Error not_found(const EntityName& entity, std::int64_t id) {
  return not_found(entity, std::to_string(id));
}
inline Error not_found(const EntityName& entity, const Uuid& id) {
  return not_found(entity, id.to_string());
}
template <class Tag, class Rep>
Error not_found(const EntityName& entity, const Id<Tag, Rep>& id) {
  return not_found(entity, id.value());
}

/// `aborted` (HTTP 412) with the reason VERSION_MISMATCH: another writer changed the row since it
/// was read.
Error version_mismatch(const EntityName& entity);

/// What is wrong with a row of a file whose key is that of a deleted one.
std::vector<FieldViolation> key_of_deleted(const EntityName& entity, std::string_view field,
                                           std::string_view id);
inline std::vector<FieldViolation> key_of_deleted(const EntityName& entity, std::string_view field,
                                                  std::int64_t id) {
  return key_of_deleted(entity, field, std::to_string(id));
}
inline std::vector<FieldViolation> key_of_deleted(const EntityName& entity, std::string_view field,
                                                  const Uuid& id) {
  return key_of_deleted(entity, field, id.to_string());
}
template <class Tag, class Rep>
std::vector<FieldViolation> key_of_deleted(const EntityName& entity, std::string_view field,
                                           const Id<Tag, Rep>& id) {
  return key_of_deleted(entity, field, id.value());
}

/// `failed_precondition` (HTTP 409) with the reason CUSTOMER_NOT_DELETED: only what is deleted can
/// be purged.
Error not_deleted(const EntityName& entity);

}  // namespace kit::record
