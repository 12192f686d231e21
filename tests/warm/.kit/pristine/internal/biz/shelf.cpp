// Started by kitgen from api/warm.yaml; yours from here on.
#include "internal/biz/shelf.hpp"

namespace warm::biz {

kit::Result<> widen(Shelf&, ShelfWidenInput) {
  return kit::Error(kit::Code::unimplemented, "widen of shelf is not written yet");
}

}  // namespace warm::biz
