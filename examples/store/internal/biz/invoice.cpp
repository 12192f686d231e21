// SPDX-License-Identifier: Apache-2.0
#include "internal/biz/invoice.hpp"

namespace store::biz {

kit::Result<InvoiceRefunded> refund(Invoice& invoice) {
  if (invoice.status != InvoiceStatus::paid) {
    return kit::Error(kit::Code::failed_precondition, "only a paid invoice can be refunded")
        .with_reason("INVOICE_NOT_PAID")
        .with_http_status(409);
  }
  invoice.status = InvoiceStatus::refunded;
  InvoiceRefunded event{
      .invoice_id = invoice.id,
      .customer_id = invoice.customer_id,
      .total = invoice.total,
  };
  return event;
}

}  // namespace store::biz
