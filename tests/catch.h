#pragma once
// Catch2 2 on Debian 12, Catch2 3 on Debian 13: the one place that knows the difference.
#ifdef MAYFLY_CATCH2_V2
#include <catch2/catch.hpp>
using Catch::Matchers::Contains;
#else
#include <catch2/catch_all.hpp>
inline auto Contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#endif
