set(FULCRUM_TEST_KINDS property parity fault e2e concurrent)

# Shared test doubles: tests/support/*.{h,cc} (fault-injecting file system, simulated clock, ...).
file(GLOB _support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.cc)
add_library(fulcrum_test_support STATIC ${_support})
target_include_directories(fulcrum_test_support PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(fulcrum_test_support PUBLIC
  fulcrum_base fulcrum_domain GTest::gmock GTest::gtest_main PRIVATE fulcrum_flags)
fulcrum_precompile(fulcrum_test_support)

# Suites whose tests share a world that takes longer to make than they take: one run of all of them.
set(FULCRUM_WHOLE_SUITES Replay Counterfactual)

# What the stages of CI build: for ThreadSanitizer the concurrent ones, for AddressSanitizer all but
# those of the whole service.
add_custom_target(concurrent_tests)
add_custom_target(room_tests)

# Adds the binary `name` from `sources` and registers its tests with the labels `room` and `kind`.
function(fulcrum_test name room kind libraries)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE ${libraries} fulcrum_test_support fulcrum_flags)
  target_compile_definitions(${name} PRIVATE
    FULCRUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}" FULCRUM_BINARY_DIR="${CMAKE_BINARY_DIR}")
  fulcrum_precompile(${name})
  if(kind STREQUAL "concurrent")
    add_dependencies(concurrent_tests ${name})
  endif()
  if(NOT room STREQUAL "end_to_end")
    add_dependencies(room_tests ${name})
  endif()
  set(timeout 300)
  if(kind STREQUAL "e2e" OR kind STREQUAL "fault" OR FULCRUM_SANITIZE)
    set(timeout 600)
  endif()
  set(filter "")
  if(name STREQUAL "end_to_end_e2e_tests")
    list(TRANSFORM FULCRUM_WHOLE_SUITES APPEND ".*" OUTPUT_VARIABLE whole)
    list(JOIN whole ":" whole)
    set(filter TEST_FILTER "-${whole}")
    foreach(suite IN LISTS FULCRUM_WHOLE_SUITES)
      add_test(NAME ${room}/${suite} COMMAND ${name} --gtest_filter=${suite}.*
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      set_tests_properties(${room}/${suite} PROPERTIES
        LABELS "${room};${kind}" TIMEOUT ${timeout} RUN_SERIAL TRUE)
    endforeach()
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${room}/ DISCOVERY_TIMEOUT 120 ${filter}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    PROPERTIES TIMEOUT ${timeout})
  # gtest_discover_tests cannot pass a list, so the two labels are set where ctest reads the tests.
  # Runs of the whole service get the machine for themselves.
  set(alone "")
  if(room STREQUAL "end_to_end")
    set(alone "RUN_SERIAL TRUE")
  endif()
  set(labels ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
  file(WRITE ${labels}
    "foreach(_test IN LISTS ${name}_TESTS)\n"
    "  set_tests_properties(\"\${_test}\" PROPERTIES LABELS \"${room};${kind}\" ${alone})\n"
    "endforeach()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels})
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
  fulcrum_architecture_tests()
  fulcrum_room_tests(end_to_end "fulcrum_apps")
  fulcrum_sanitizer_tests()
  fulcrum_replay_probes()
  fulcrum_fuzzers()
endfunction()

# The checkers are a library of their own, tested on made-up trees.
function(fulcrum_architecture_tests)
  set(folder ${CMAKE_SOURCE_DIR}/tests/architecture)
  file(GLOB checkers CONFIGURE_DEPENDS ${folder}/*.cc)
  list(FILTER checkers EXCLUDE REGEX "_test\\.cc$")
  add_library(fulcrum_architecture STATIC ${checkers})
  target_include_directories(fulcrum_architecture PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_definitions(fulcrum_architecture PRIVATE FULCRUM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(fulcrum_architecture PRIVATE fulcrum_flags)
  fulcrum_room_tests(architecture "fulcrum_architecture;fulcrum_base")

  add_test(NAME architecture/PublicHeaders.CompileAlone
    COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target all_verify_interface_header_sets)
  set_tests_properties(architecture/PublicHeaders.CompileAlone PROPERTIES
    LABELS "architecture;unit" TIMEOUT 300)
  if(NOT FULCRUM_SANITIZE AND NOT FULCRUM_COVERAGE)  # the consumer is built without either
    add_test(NAME architecture/Consumer.BuildsAgainstTheInstall
      COMMAND ${CMAKE_COMMAND} -DBUILD=${CMAKE_BINARY_DIR} -DCXX=${CMAKE_CXX_COMPILER}
        -DCONSUMER=${CMAKE_SOURCE_DIR}/tests/consumer -DREADME=${CMAKE_SOURCE_DIR}/README.md
        -P ${CMAKE_SOURCE_DIR}/tests/consumer/install_and_run.cmake)
    set_tests_properties(architecture/Consumer.BuildsAgainstTheInstall PROPERTIES
      LABELS "architecture;e2e" TIMEOUT 600)
  endif()
endfunction()

# Programs that record decisions and replay them, one as it should be and one with the C library's
# exp planted on the path: tests/end_to_end/replay_probe_e2e_test.cc must see the second one fail.
function(fulcrum_replay_probes)
  set(folder ${CMAKE_SOURCE_DIR}/tests/replay)
  set(libraries fulcrum_replay fulcrum_test_support fulcrum_flags)
  add_executable(replay_probe ${folder}/probe.cc)
  target_link_libraries(replay_probe PRIVATE ${libraries})
  # What is compiled here is not taken from the rooms' libraries.
  set(planted ${CMAKE_SOURCE_DIR}/src/base/math.cc)
  list(APPEND planted ${CMAKE_SOURCE_DIR}/src/policy/beta_density.cc)
  list(APPEND planted ${CMAKE_SOURCE_DIR}/src/policy/beta_quadrature.cc)
  foreach(level sse2 avx2 avx512)
    list(APPEND planted ${CMAKE_SOURCE_DIR}/src/policy/beta_loops_${level}.cc)
  endforeach()
  fulcrum_vector_sources(${planted})
  add_executable(replay_probe_libm ${folder}/probe.cc ${planted})
  target_link_libraries(replay_probe_libm PRIVATE ${libraries})
  target_compile_options(replay_probe_libm PRIVATE -include ${folder}/planted_libm_exp.h)
  add_dependencies(end_to_end_e2e_tests replay_probe replay_probe_libm)
endfunction()

# Faults planted on purpose: a sanitizer that does not report them is not on.
function(fulcrum_sanitizer_tests)
  set(folder ${CMAKE_SOURCE_DIR}/tests/sanitizers)
  if(FULCRUM_SANITIZE STREQUAL "thread")
    add_executable(planted_race ${folder}/planted_race.cc)
    target_link_libraries(planted_race PRIVATE fulcrum_base)
    add_dependencies(concurrent_tests planted_race)
    add_test(NAME base/Sanitizers.FindThePlantedRace COMMAND planted_race)
    set_tests_properties(base/Sanitizers.FindThePlantedRace PROPERTIES
      ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1"
      PASS_REGULAR_EXPRESSION "WARNING: ThreadSanitizer: data race"
      LABELS "base;concurrent" TIMEOUT 60)
  elseif(FULCRUM_SANITIZE MATCHES "^address-undefined")
    add_executable(planted_overflow ${folder}/planted_overflow.cc)
    add_dependencies(room_tests planted_overflow)
    foreach(fault address undefined)
      add_test(NAME base/Sanitizers.FindThePlantedFault.${fault} COMMAND planted_overflow ${fault})
      set_tests_properties(base/Sanitizers.FindThePlantedFault.${fault} PROPERTIES
        LABELS "base;unit" TIMEOUT 60)
    endforeach()
    set_tests_properties(base/Sanitizers.FindThePlantedFault.address PROPERTIES
      PASS_REGULAR_EXPRESSION "AddressSanitizer: heap-buffer-overflow")
    set_tests_properties(base/Sanitizers.FindThePlantedFault.undefined PROPERTIES
      PASS_REGULAR_EXPRESSION "signed integer overflow")
  endif()
endfunction()

# The rooms whose headers `source` includes: what a fuzz target links, so that it builds alone.
function(fulcrum_rooms_of source result)
  file(STRINGS ${source} includes REGEX "^#include \"[a-z_]+/")
  set(libraries "")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "^#include \"([a-z_]+)/.*" "\\1" room "${include}")
    if(room IN_LIST FULCRUM_ROOMS OR room STREQUAL "apps")
      list(APPEND libraries fulcrum_${room})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES libraries)
  set(${result} ${libraries} PARENT_SCOPE)
endfunction()

# tests/fuzz/<name>_fuzz.cc, each with its kept inputs in tests/fuzz/corpus/<name>/. Under the fuzz
# preset a libFuzzer binary (scripts/fuzz.sh runs them); everywhere a test that replays the inputs.
function(fulcrum_fuzzers)
  set(folder ${CMAKE_SOURCE_DIR}/tests/fuzz)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*_fuzz.cc)
  set(names "")
  foreach(source IN LISTS sources)
    get_filename_component(target ${source} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name ${target})
    if(NOT name STREQUAL "canary")  # scripts/fuzz.sh runs that one first, and wants its crash
      list(APPEND names ${name})
    endif()
    fulcrum_rooms_of(${source} libraries)
    if(FULCRUM_FUZZ)
      add_executable(${target} ${source})
      target_link_libraries(${target} PRIVATE ${libraries} fulcrum_flags)
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    endif()
    add_executable(${target}_replay ${source} ${folder}/replay_main.cc)
    target_link_libraries(${target}_replay PRIVATE ${libraries} fulcrum_flags)
    target_include_directories(${target}_replay PRIVATE ${CMAKE_SOURCE_DIR})
    add_dependencies(room_tests ${target}_replay)
    add_test(NAME fuzz/${name}.KeptInputs COMMAND ${target}_replay ${folder}/corpus/${name})
    set_tests_properties(fuzz/${name}.KeptInputs PROPERTIES LABELS "fuzz;unit" TIMEOUT 120)
  endforeach()
  list(TRANSFORM names APPEND _fuzz OUTPUT_VARIABLE targets)
  add_custom_target(fuzzers)
  if(FULCRUM_FUZZ AND targets)
    add_dependencies(fuzzers ${targets} canary_fuzz)
  endif()
  list(JOIN names "\n" lines)
  file(WRITE ${CMAKE_BINARY_DIR}/fuzzers.txt "${lines}\n")
endfunction()
