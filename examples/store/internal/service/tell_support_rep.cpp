// Started by kitgen from api/store.yaml; yours from here on.
#include "internal/biz/customer_repository.gen.hpp"
#include "internal/biz/employee_repository.gen.hpp"
#include "internal/service/subscribers.gen.hpp"
#include "kit/log/log.hpp"

namespace store::service {
namespace {

kit::log::Module refund_log{"refunds"};

}  // namespace

/// A line in the log that whoever forwards it can address.
kit::Task<> tell_support_rep(const biz::InvoiceRefunded& event, biz::UnitOfWork& work) {
  const biz::Customer customer = co_await work.customers().find(event.customer_id);
  if (!customer.support_rep_id) co_return;
  const biz::Employee rep = co_await work.employees().find(*customer.support_rep_id);
  kit::log::info(refund_log, "a customer got money back",
                 {{"tell", rep.email},
                  {"customer_id", event.customer_id},
                  {"invoice_id", event.invoice_id},
                  {"total", event.total.to_string()}});
}

}  // namespace store::service
