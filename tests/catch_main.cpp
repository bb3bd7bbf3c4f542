// Catch2's main comes from its library; this file gives the precompiled header a home.
#include "tests/catch.h"
