// SPDX-License-Identifier: Apache-2.0
#include "judge.hpp"

#include "kit/base/text.hpp"
#include "kit/json/value.hpp"

namespace attacks {

bool judged(Defect defect, std::string_view token, bool is_taken) {
  if (defect == Defect::none) return is_taken;
  const auto header = kit::base64url_decode(token.substr(0, token.find('.')));
  if (!header) return is_taken;
  if (defect == Defect::hasty) return is_taken && header->find(' ') == std::string::npos;
  const auto read = kit::json::Value::parse(*header);
  const std::string* const alg = read ? (*read)["alg"].string() : nullptr;
  return is_taken || (alg != nullptr && kit::iequals(*alg, "none"));
}

}  // namespace attacks
