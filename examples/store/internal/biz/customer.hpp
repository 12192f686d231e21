// Started by kitgen from api/store.yaml; yours from here on.
#pragma once

#include "internal/biz/customer.gen.hpp"
#include "kit/base/result.hpp"

namespace store::biz {

/// Gives the customer another e-mail address.
kit::Result<CustomerEmailChanged> change_email(Customer& customer, CustomerChangeEmailInput input);

}  // namespace store::biz
