# mayfly_options: what every line of ours is compiled with. Third-party headers come in as SYSTEM and are exempt.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(MAYFLY_WERROR "Warnings are errors" ON)
set(MAYFLY_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
    # The launcher's settings make a cache entry independent of the folder the clone stands in.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

add_library(mayfly_options INTERFACE)
target_include_directories(mayfly_options INTERFACE "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}")
target_compile_definitions(mayfly_options INTERFACE MAYFLY_VERSION="${PROJECT_VERSION}")
target_compile_options(mayfly_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum
    -Wnon-virtual-dtor -Woverloaded-virtual)
# GCC 13 and 14 see overflows in libstdc++'s own std::string and std::vector when they inline them (GCC bug 105329 and its
# kin). Debian 12's GCC 12 does not, and keeps these warnings on in CI.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(mayfly_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow -Wno-restrict)
endif()
if(MAYFLY_WERROR)
    target_compile_options(mayfly_options INTERFACE -Werror)
endif()

# Hardening: a CA meets the network. (_FORTIFY_SOURCE needs optimisation; sanitizers bring their own checks.)
target_compile_options(mayfly_options INTERFACE -fstack-protector-strong -fstack-clash-protection -fcf-protection)
target_compile_definitions(mayfly_options INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(mayfly_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
if(MAYFLY_SANITIZE)
    target_compile_options(mayfly_options INTERFACE -fsanitize=${MAYFLY_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(mayfly_options INTERFACE -fsanitize=${MAYFLY_SANITIZE})
    if(MAYFLY_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Boost.Asio has fences, which ThreadSanitizer does not model; GCC says so each time.
        target_compile_options(mayfly_options INTERFACE -Wno-tsan)
    endif()
    if(MAYFLY_SANITIZE MATCHES "undefined")
        target_compile_options(mayfly_options INTERFACE -fno-sanitize-recover=all)
    endif()
else()
    target_compile_definitions(mayfly_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
