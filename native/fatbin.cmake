# Compiles MODULE into FATBIN with NVCC and fails if an attention kernel spills registers. Beside the fatbin lies `architectures.txt`, which says what
# is in it; what ptxas says of every kernel is kept in target/ptxas.log, and the code for sm_90a, as it is disassembled by the tests, in
# target/palimpsest.sm_90a.cubin.
get_filename_component(folder "${FATBIN}" DIRECTORY)
set(target "${folder}/../../../..")
set(kept "${target}/nvcc")
file(REMOVE_RECURSE "${kept}")
file(MAKE_DIRECTORY "${folder}" "${kept}")

# Code of sm_90a runs on 9.0 alone, any other on later minor versions of its major one too. PTX is for all that is newer.
set(architectures sm_80 sm_90a sm_100 sm_120)
set(ptx compute_80)
set(codes -gencode "arch=${ptx},code=${ptx}")
foreach(architecture IN LISTS architectures)
  string(REPLACE sm_120 compute_100 from "${architecture}") # one pass of the front end for both
  string(REPLACE sm_ compute_ from "${from}")
  list(APPEND codes -gencode "arch=${from},code=${architecture}")
endforeach()
execute_process(
  COMMAND "${NVCC}" -std=c++17 -O3 -fatbin --threads 2 -compress-mode=size -Xptxas -v -Werror all-warnings
          --keep --keep-dir "${kept}" ${codes} "${MODULE}" -o "${FATBIN}.new"
  RESULT_VARIABLE status
  OUTPUT_VARIABLE log
  ERROR_VARIABLE log)
if(NOT status EQUAL 0)
  file(REMOVE "${FATBIN}.new")
  message(FATAL_ERROR "nvcc failed:\n${log}")
endif()
file(WRITE "${target}/ptxas.log" "${log}")
file(GLOB cubin "${kept}/*90a*.cubin")
file(RENAME "${cubin}" "${target}/palimpsest.sm_90a.cubin")
file(REMOVE_RECURSE "${kept}")

# Every attention that is registered for all head sizes, for each of them and for every architecture.
get_filename_component(sources "${MODULE}" DIRECTORY)
file(READ "${sources}/attention.cuh" text)
string(REGEX MATCHALL "definition\\([0-9]+\\)" sizes "${text}")
list(LENGTH sizes expected)
file(GLOB files "${sources}/attention*.cu")
set(registered "")
foreach(file IN LISTS files)
  file(READ "${file}" text)
  string(REGEX MATCHALL "KERNEL\\(attention_[a-z0-9_]*_h##D\\)" own "${text}")
  list(APPEND registered ${own})
endforeach()
list(REMOVE_DUPLICATES registered)
list(LENGTH registered forms)
list(LENGTH architectures count)
math(EXPR expected "${expected} * ${forms} * ${count}")

string(REGEX REPLACE ";" "," log "${log}")
string(REGEX MATCHALL "Compiling entry function '[^\n]*\n[^\n]*\n[^\n]*bytes spill[^\n]*|Compiling entry function '[^\n]*\n[^\n]*bytes spill[^\n]*"
       reports "${log}")
set(kernels 0)
foreach(report IN LISTS reports)
  if(report MATCHES "'(attention_[a-z0-9_]*_h[0-9]+)' for '([a-z0-9_]*)'")
    set(kernel "${CMAKE_MATCH_1} for ${CMAKE_MATCH_2}")
    math(EXPR kernels "${kernels} + 1")
    if(NOT report MATCHES " 0 bytes spill stores, 0 bytes spill loads")
      file(REMOVE "${FATBIN}.new")
      message(FATAL_ERROR "${kernel} spills registers:\n${report}")
    endif()
  endif()
endforeach()
if(expected EQUAL 0 OR NOT kernels EQUAL expected)
  file(REMOVE "${FATBIN}.new")
  message(FATAL_ERROR "ptxas reported on ${kernels} attention kernels where ${expected} are expected")
endif()
string(REPLACE ";" "\n" lines "${architectures};${ptx}")
file(WRITE "${folder}/architectures.txt" "${lines}\n")
file(RENAME "${FATBIN}.new" "${FATBIN}")
