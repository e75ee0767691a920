# Installed: the two binaries, the public headers, and one library that holds what is behind them.
#
# The library is the client and the log reader with all rooms that these two use, and no more;
# which rooms and third parties that is follows from src/rooms.txt.
include(CMakePackageConfigHelpers)

# Sets `rooms` and `third_parties` to what the rooms in ARGN need, themselves included.
function(fulcrum_closure rooms third_parties)
  set(open ${ARGN} base)
  set(done "")
  set(third "")
  while(open)
    list(POP_FRONT open room)
    if(NOT room IN_LIST done)
      list(APPEND done ${room})
      list(APPEND open ${ROOM_${room}_USES})
      list(APPEND third ${ROOM_${room}_THIRD_PARTY})
    endif()
  endwhile()
  list(REMOVE_DUPLICATES third)
  set(${rooms} ${done} PARENT_SCOPE)
  set(${third_parties} ${third} PARENT_SCOPE)
endfunction()

fulcrum_closure(_rooms _third_parties client decision_log)

file(GLOB _public CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/fulcrum/*.h)
add_library(fulcrum_public STATIC)  # the name `fulcrum` is the binary's
add_library(fulcrum::fulcrum ALIAS fulcrum_public)
target_sources(fulcrum_public PUBLIC
  FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/include FILES ${_public})
set_target_properties(fulcrum_public PROPERTIES
  OUTPUT_NAME fulcrum EXPORT_NAME fulcrum LINKER_LANGUAGE CXX VERIFY_INTERFACE_HEADER_SETS ON)
target_compile_features(fulcrum_public PUBLIC cxx_std_20)
set(_packages fulcrum_proto_v1 fulcrum_proto_log_v1)
foreach(_room IN LISTS _rooms)
  get_target_property(_type fulcrum_${_room} TYPE)
  if(_type STREQUAL "STATIC_LIBRARY")  # a room of headers has no objects
    list(APPEND _packages fulcrum_${_room})
  endif()
endforeach()
foreach(_package IN LISTS _packages)
  target_sources(fulcrum_public PRIVATE $<TARGET_OBJECTS:${_package}>)
endforeach()
get_target_property(_absl fulcrum_absl INTERFACE_LINK_LIBRARIES)
target_link_libraries(fulcrum_public PUBLIC ${_absl})
set(_dependencies Threads absl)
foreach(_third IN LISTS _third_parties)
  get_target_property(_libraries fulcrum_3rd_${_third} INTERFACE_LINK_LIBRARIES)
  target_link_libraries(fulcrum_public PRIVATE ${_libraries})
  list(APPEND _dependencies ${FULCRUM_PACKAGE_OF_${_third}})
endforeach()
list(REMOVE_DUPLICATES _dependencies)
list(TRANSFORM _dependencies PREPEND "find_dependency(")
list(TRANSFORM _dependencies APPEND ")")
list(JOIN _dependencies "\n" FULCRUM_FIND_DEPENDENCIES)

set(_config ${CMAKE_INSTALL_LIBDIR}/cmake/fulcrum)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/fulcrumConfig.cmake.in
  ${CMAKE_BINARY_DIR}/fulcrumConfig.cmake INSTALL_DESTINATION ${_config})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/fulcrumConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(TARGETS fulcrumd_binary fulcrum_binary RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS fulcrum_public EXPORT fulcrum_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT fulcrum_targets FILE fulcrumTargets.cmake NAMESPACE fulcrum:: DESTINATION ${_config})
install(FILES ${CMAKE_BINARY_DIR}/fulcrumConfig.cmake ${CMAKE_BINARY_DIR}/fulcrumConfigVersion.cmake
  DESTINATION ${_config})
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/README.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
