# The player's WebAssembly (docs/player.md): the libraries' own sources, compiled by ziglang's clang; without ziglang it is
# left out. There is no C library: what is needed of one is runtime.cpp, and of libc++ the few files below.

execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).parent.as_posix())"
  OUTPUT_VARIABLE ZIGLANG OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT ZIGLANG)
  message(STATUS "The player's WebAssembly is left out: there is no ziglang (pip install ziglang)")
  return()
endif()

set(NATIVE ${CMAKE_CURRENT_SOURCE_DIR}/ns_ray/native)
set(WASM ${CMAKE_CURRENT_BINARY_DIR}/wasm)
set(ZIG ${CMAKE_COMMAND} -E env ZIG_GLOBAL_CACHE_DIR=${WASM}/cache ZIG_LOCAL_CACHE_DIR=${WASM}/cache ${ZIGLANG}/zig)
set(WASM_OPTIONS -target wasm32-wasi -O3 -std=c++20 -fvisibility=hidden
  -msimd128 -mbulk-memory -matomics
  -mexception-handling -fwasm-exceptions -Xclang -exception-model=wasm -Xclang -mllvm -Xclang -wasm-enable-eh)
set(LIBCXX_OPTIONS -w -std=c++23 -D_LIBCPP_BUILDING_LIBRARY -D_LIBCXXABI_BUILDING_LIBRARY -D_LIBCXXABI_HAS_NO_THREADS
  -I${ZIGLANG}/lib/libcxx/src -I${ZIGLANG}/lib/libcxxabi/src -I${ZIGLANG}/lib/libcxxabi/include)
set(LIBCXX
  libcxx/src/functional.cpp libcxx/src/memory.cpp libcxx/src/stdexcept.cpp libcxx/src/string.cpp
  libcxxabi/src/private_typeinfo.cpp libcxxabi/src/stdlib_exception.cpp libcxxabi/src/stdlib_typeinfo.cpp)

set(OBJECTS)
# Adds the object of a source, compiled with more options.
function(wasm_object SOURCE)
  get_filename_component(NAME ${SOURCE} NAME)
  get_filename_component(FOLDER ${SOURCE} DIRECTORY)
  get_filename_component(FOLDER ${FOLDER} NAME)
  set(OBJECT ${WASM}/${FOLDER}_${NAME}.o)
  add_custom_command(
    OUTPUT ${OBJECT}
    COMMAND ${ZIG} c++ ${WASM_OPTIONS} ${ARGN} -MD -MF ${OBJECT}.d -c ${SOURCE} -o ${OBJECT}
    DEPENDS ${SOURCE} DEPFILE ${OBJECT}.d VERBATIM)
  set(OBJECTS ${OBJECTS} ${OBJECT} PARENT_SCOPE)
endfunction()

foreach(LIBRARY ${WASM_LIBRARIES})
  get_target_property(SOURCES ${LIBRARY} SOURCES)
  list(FILTER SOURCES EXCLUDE REGEX "kernels_(avx2|portable)")
  foreach(SOURCE ${SOURCES})
    wasm_object(${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE} -Wall -Wextra -I${NATIVE} -I${NATIVE}/reconstruction)
  endforeach()
endforeach()
foreach(SOURCE reconstruction/kernels_wasm.cpp wasm/h264_stream.cpp wasm/player.cpp wasm/runtime.cpp wasm/vp9_stream.cpp)
  wasm_object(${NATIVE}/${SOURCE} -Wall -Wextra -I${NATIVE} -I${NATIVE}/reconstruction)
endforeach()
foreach(SOURCE ${LIBCXX})
  wasm_object(${ZIGLANG}/lib/${SOURCE} ${LIBCXX_OPTIONS})
endforeach()

# Memory is the page's, as its threads share it: 16 MiB at first, 1 GiB at most, of which the stack takes 1 MiB.
add_custom_command(
  OUTPUT ${WASM}/player.wasm
  COMMAND ${ZIG} wasm-ld --no-entry --export-dynamic --export=__stack_pointer --gc-sections --strip-debug --stack-first
          -z stack-size=1048576 --import-memory --shared-memory --initial-memory=16777216 --max-memory=1073741824
          --no-check-features ${OBJECTS} -o ${WASM}/player.wasm
  DEPENDS ${OBJECTS} VERBATIM)
add_custom_target(player_wasm ALL DEPENDS ${WASM}/player.wasm)
install(FILES ${WASM}/player.wasm DESTINATION ns_ray/player)
if(SKBUILD_STATE STREQUAL "editable")  # so that the page's folder is whole in a checkout
  install(CODE "file(INSTALL \"${WASM}/player.wasm\" DESTINATION \"${CMAKE_CURRENT_SOURCE_DIR}/ns_ray/player\")")
endif()
