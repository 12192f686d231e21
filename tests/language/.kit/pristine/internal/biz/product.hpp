// Started by kitgen from api/workshop.yaml; yours from here on.
#pragma once

#include "internal/biz/product.gen.hpp"
#include "kit/base/result.hpp"

namespace workshop::biz {

/// Puts more of it on the shelf.
kit::Result<ProductRestocked> restock(Product& product, ProductRestockInput input);
kit::Result<> measure(Product& product);

}  // namespace workshop::biz
