set(FULCRUM_TEST_KINDS property parity fault e2e concurrent)

# Shared test doubles: tests/support/*.{h,cc} (fault-injecting file system, simulated clock, ...).
file(GLOB _support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.cc)
add_library(fulcrum_test_support STATIC ${_support})
target_include_directories(fulcrum_test_support PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(fulcrum_test_support PUBLIC
  fulcrum_base fulcrum_domain GTest::gmock GTest::gtest_main PRIVATE fulcrum_flags)
fulcrum_precompile(fulcrum_test_support)

# Adds the binary `name` from `sources` and registers its tests with the labels `room` and `kind`.
function(fulcrum_test name room kind libraries)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE ${libraries} fulcrum_test_support fulcrum_flags)
  target_compile_definitions(${name} PRIVATE
    FULCRUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" FULCRUM_BINARY_DIR="${CMAKE_BINARY_DIR}")
  fulcrum_precompile(${name})
  set(timeout 120)
  if(kind STREQUAL "e2e" OR kind STREQUAL "fault" OR FULCRUM_SANITIZE)
    set(timeout 600)
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${room}/ DISCOVERY_TIMEOUT 120
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    PROPERTIES LABELS "${room};${kind}" TIMEOUT ${timeout})
endfunction()

function(fulcrum_room_tests room libraries)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${room}/*_test.cc)
  set(unit ${sources})
  foreach(kind IN LISTS FULCRUM_TEST_KINDS)
    set(of_kind ${sources})
    list(FILTER of_kind INCLUDE REGEX "_${kind}_test\\.cc$")
    list(FILTER unit EXCLUDE REGEX "_${kind}_test\\.cc$")
    if(of_kind)
      fulcrum_test(${room}_${kind}_tests ${room} ${kind} "${libraries}" ${of_kind})
    endif()
  endforeach()
  if(unit)
    fulcrum_test(${room}_unit_tests ${room} unit "${libraries}" ${unit})
  endif()
endfunction()

# Tests that belong to no single room: the architecture, whole-system runs, the install.
function(fulcrum_extra_tests)
  fulcrum_room_tests(architecture "fulcrum_base")
  fulcrum_room_tests(end_to_end "fulcrum_apps")
endfunction()
