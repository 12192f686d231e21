// Started by kitgen from api/store.yaml; yours from here on.
#pragma once

#include "internal/biz/invoice.gen.hpp"
#include "kit/base/result.hpp"

namespace store::biz {

/// Gives the money of a paid invoice back.
kit::Result<InvoiceRefunded> refund(Invoice& invoice);

}  // namespace store::biz
