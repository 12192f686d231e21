// Started by kitgen from api/workshop.yaml; yours from here on.
#include "internal/biz/product.hpp"

namespace workshop::biz {

kit::Result<ProductRestocked> restock(Product&, ProductRestockInput) {
  return kit::Error(kit::Code::unimplemented, "restock of product is not written yet");
}

kit::Result<> measure(Product&) {
  return kit::Error(kit::Code::unimplemented, "measure of product is not written yet");
}

}  // namespace workshop::biz
