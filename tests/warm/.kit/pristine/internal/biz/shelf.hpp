// Started by kitgen from api/warm.yaml; yours from here on.
#pragma once

#include "internal/biz/shelf.gen.hpp"
#include "kit/base/result.hpp"

namespace warm::biz {

/// Makes it wider.
kit::Result<> widen(Shelf& shelf, ShelfWidenInput input);

}  // namespace warm::biz
