// SPDX-License-Identifier: Apache-2.0
#include "kit/record/errors.hpp"

namespace kit::record {

Error not_found(const EntityName& entity, std::string_view id) {
  std::string message = "there is no ";
  message.append(entity.label).append(" ").append(id);
  return Error(Code::not_found, std::move(message))
      .with_reason(std::string(entity.upper) + "_NOT_FOUND");
}

Error version_mismatch(const EntityName& entity) {
  std::string message = "the ";
  message.append(entity.label).append(" was changed by another writer; read it again");
  return Error(Code::aborted, std::move(message))
      .with_reason("VERSION_MISMATCH")
      .with_http_status(412);
}

std::vector<FieldViolation> key_of_deleted(const EntityName& entity, std::string_view field,
                                           std::string_view id) {
  std::string description = "is that of ";
  description.append(entity.label).append(" ").append(id);
  description.append(", which is deleted; restore or purge it first");
  std::vector<FieldViolation> violations;
  violations.push_back({std::string(field), std::move(description)});
  return violations;
}

Error not_deleted(const EntityName& entity) {
  std::string message = "the ";
  message.append(entity.label).append(" is not deleted; delete it first");
  return Error(Code::failed_precondition, std::move(message))
      .with_reason(std::string(entity.upper) + "_NOT_DELETED")
      .with_http_status(409);
}

}  // namespace kit::record
