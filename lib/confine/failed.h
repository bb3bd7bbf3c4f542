#pragma once
// How a step of a confinement says that the kernel refused it. Private to lib/confine.
#include "mayfly/result.h"

namespace mayfly::confine {

/// errno in words.
tl::unexpected<Error> failed(const char* what);

}  // namespace mayfly::confine
