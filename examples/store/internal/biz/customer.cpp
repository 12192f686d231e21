// SPDX-License-Identifier: Apache-2.0
#include "internal/biz/customer.hpp"

#include <utility>

#include "kit/base/text.hpp"

namespace store::biz {

kit::Result<CustomerEmailChanged> change_email(Customer& customer, CustomerChangeEmailInput input) {
  // People write one address in many ways; the store keeps it in one, so that "taken" means taken.
  std::string email = kit::to_lower(input.email);
  if (email == customer.email) {
    return kit::Error(kit::Code::failed_precondition,
                      "the customer has this e-mail address already")
        .with_reason("CUSTOMER_EMAIL_UNCHANGED")
        .with_http_status(409);
  }
  CustomerEmailChanged event{
      .customer_id = customer.id,
      .old_email = std::exchange(customer.email, email),
      .new_email = std::move(email),
  };
  return event;
}

}  // namespace store::biz
