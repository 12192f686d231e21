// Started by kitgen from api/warm.yaml; yours from here on.
#include "internal/biz/shelf.hpp"

namespace warm::biz {

kit::Result<> widen(Shelf& shelf, ShelfWidenInput input) {
  if (input.by <= shelf.width) return kit::invalid("by", "is no wider than the shelf is");
  shelf.width = input.by;
  return {};
}

}  // namespace warm::biz
