# Installs the built tree BUILD into a fresh prefix, and builds and runs CONSUMER against it with
# the compiler CXX. The C++ program of README is built as well.
set(folder ${BUILD}/consumer)
file(REMOVE_RECURSE ${folder})
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "failed (${code}): ${ARGN}")
  endif()
endfunction()

file(READ ${README} text)
if(NOT text MATCHES "```cpp\n(.*)\n```\n\nThe action")
  message(FATAL_ERROR "no C++ program in ${README}")
endif()
file(WRITE ${folder}/readme_example.cc "${CMAKE_MATCH_1}\n")

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/prefix)
run(${CMAKE_COMMAND} -G Ninja -S ${CONSUMER} -B ${folder}/build
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${folder}/prefix
  -DREADME_EXAMPLE=${folder}/readme_example.cc)
run(${CMAKE_COMMAND} --build ${folder}/build)
run(${folder}/build/consumer ${folder})
foreach(binary fulcrum fulcrumd)
  run(${folder}/prefix/bin/${binary} --version)
endforeach()
