# Debian bookworm packages only (docs/building.md); nothing is downloaded.
# Each third party that src/rooms.txt can name is one interface target fulcrum_3rd_<name>.
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)  # module mode: the package has no config file
find_package(gRPC CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(zstd CONFIG REQUIRED)
find_package(Eigen3 3.4 CONFIG REQUIRED)

function(fulcrum_third_party name)
  add_library(fulcrum_3rd_${name} INTERFACE)
  target_link_libraries(fulcrum_3rd_${name} INTERFACE ${ARGN})
endfunction()

# The package that a user of the installed library must find for a third party it contains.
set(FULCRUM_PACKAGE_OF_protobuf Protobuf)
set(FULCRUM_PACKAGE_OF_grpc gRPC)
set(FULCRUM_PACKAGE_OF_spdlog spdlog)
set(FULCRUM_PACKAGE_OF_prometheus-cpp prometheus-cpp)
set(FULCRUM_PACKAGE_OF_openssl OpenSSL)
set(FULCRUM_PACKAGE_OF_zstd zstd)

fulcrum_third_party(protobuf protobuf::libprotobuf)
fulcrum_third_party(grpc gRPC::grpc++ gRPC::grpc++_reflection)
fulcrum_third_party(rocksdb RocksDB::rocksdb-shared)  # plain RocksDB::rocksdb is the static one
fulcrum_third_party(spdlog spdlog::spdlog)
fulcrum_third_party(prometheus-cpp prometheus-cpp::core prometheus-cpp::pull)
fulcrum_third_party(yaml-cpp yaml-cpp)
fulcrum_third_party(cli11 CLI11::CLI11)
fulcrum_third_party(curl CURL::libcurl)
fulcrum_third_party(openssl OpenSSL::Crypto)
fulcrum_third_party(zstd zstd::libzstd_shared)
fulcrum_third_party(eigen Eigen3::Eigen)
find_library(FULCRUM_RE2_LIBRARY re2 REQUIRED)  # the package has no config file
find_path(FULCRUM_RE2_INCLUDE re2/re2.h REQUIRED)
fulcrum_third_party(re2 ${FULCRUM_RE2_LIBRARY})
target_include_directories(fulcrum_3rd_re2 SYSTEM INTERFACE ${FULCRUM_RE2_INCLUDE})
find_path(FULCRUM_RAPIDJSON rapidjson/document.h REQUIRED)
fulcrum_third_party(rapidjson)

if(FULCRUM_WITH_XGBOOST)
  # find_package(xgboost) aborts unless the command-line tool is installed too.
  find_library(FULCRUM_XGBOOST_LIBRARY xgboost REQUIRED)
  find_path(FULCRUM_XGBOOST_INCLUDE xgboost/c_api.h REQUIRED)
  fulcrum_third_party(xgboost ${FULCRUM_XGBOOST_LIBRARY})
  target_include_directories(fulcrum_3rd_xgboost SYSTEM INTERFACE ${FULCRUM_XGBOOST_INCLUDE})
endif()

# Not packaged: found where it is installed, an Arrow with Parquet; or where FULCRUM_ARROW_ROOT
# points, a folder with include/ and the libraries, such as the one of the wheel `pyarrow`.
set(FULCRUM_ARROW_ROOT "" CACHE PATH "Where Apache Arrow C++ is, if not where CMake looks")
if(FULCRUM_WITH_ARROW)
  set(_arrow_hints HINTS ${FULCRUM_ARROW_ROOT} PATH_SUFFIXES lib include)
  find_library(FULCRUM_ARROW_LIBRARY arrow REQUIRED ${_arrow_hints})
  find_library(FULCRUM_PARQUET_LIBRARY parquet REQUIRED ${_arrow_hints})
  find_path(FULCRUM_ARROW_INCLUDE parquet/arrow/writer.h REQUIRED ${_arrow_hints})
  fulcrum_third_party(arrow ${FULCRUM_PARQUET_LIBRARY} ${FULCRUM_ARROW_LIBRARY})
  target_include_directories(fulcrum_3rd_arrow SYSTEM INTERFACE ${FULCRUM_ARROW_INCLUDE})
endif()

add_library(fulcrum_absl INTERFACE)
target_link_libraries(fulcrum_absl INTERFACE
  absl::any_invocable absl::flat_hash_map absl::flat_hash_set absl::inlined_vector absl::span
  absl::status absl::statusor absl::strings absl::str_format absl::time Threads::Threads)
