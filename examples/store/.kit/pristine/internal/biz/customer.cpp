// Started by kitgen from api/store.yaml; yours from here on.
#include "internal/biz/customer.hpp"

namespace store::biz {

kit::Result<CustomerEmailChanged> change_email(Customer&, CustomerChangeEmailInput) {
  return kit::Error(kit::Code::unimplemented, "change_email of customer is not written yet");
}

}  // namespace store::biz
