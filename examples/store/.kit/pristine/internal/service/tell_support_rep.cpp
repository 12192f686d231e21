// Started by kitgen from api/store.yaml; yours from here on.
#include "internal/service/subscribers.gen.hpp"

namespace store::service {

kit::Task<> tell_support_rep(const biz::InvoiceRefunded&, biz::UnitOfWork&) {
  co_await kit::Error(kit::Code::unimplemented, "tell_support_rep is not written yet");
}

}  // namespace store::service
