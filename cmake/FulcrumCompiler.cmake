# One interface target carries the flags of every first-party file.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")  # asserts stay on: stopping beats being wrong
# The sanitizers' own optimisation level: twice as fast to build and run as -O0.
set(CMAKE_CXX_FLAGS_SANITIZED "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_SANITIZED "${CMAKE_CXX_FLAGS_SANITIZED}")

add_compile_options(-pthread)  # everywhere alike, or the precompiled header is refused
add_library(fulcrum_flags INTERFACE)
target_compile_options(fulcrum_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wno-missing-field-initializers  # members have defaults; naming only some of them is the point
  -ffp-contract=off)  # D7: the same bits with and without FMA
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(fulcrum_flags INTERFACE -Wthread-safety)
endif()

if(FULCRUM_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # The instrumentation hides from gcc's flow analysis that a std::variant was set. And at -O1 the
  # static helpers over vectors are called, not inlined; no other file sees how.
  target_compile_options(fulcrum_flags INTERFACE -Wno-maybe-uninitialized -Wno-psabi)
endif()
if(FULCRUM_SANITIZE STREQUAL "address-undefined")
  # Null, alignment, vptr and object-size double the build for what ASan reports anyway.
  set(_sanitize -fsanitize=address,undefined -fno-sanitize=null,alignment,vptr
                -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND _sanitize -fno-sanitize=object-size)
  endif()
elseif(FULCRUM_SANITIZE STREQUAL "address-undefined-full")
  set(_sanitize -fsanitize=address,undefined,float-divide-by-zero -fno-sanitize-recover=all)
elseif(FULCRUM_SANITIZE STREQUAL "thread")
  set(_sanitize -fsanitize=thread)
elseif(FULCRUM_SANITIZE)
  message(FATAL_ERROR "FULCRUM_SANITIZE is '${FULCRUM_SANITIZE}': use address-undefined, address-undefined-full or thread")
endif()
if(_sanitize AND NOT FULCRUM_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # RapidJSON adds to a null pointer before its first allocation, in code inlined everywhere.
  list(APPEND _sanitize -fno-sanitize=pointer-overflow)
endif()
if(_sanitize)
  add_compile_options(${_sanitize})
  add_link_options(${_sanitize})
endif()
if(FULCRUM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(FULCRUM_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
find_program(FULCRUM_LLD ld.lld-16)
if(FULCRUM_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(--ld-path=${FULCRUM_LLD})
endif()
