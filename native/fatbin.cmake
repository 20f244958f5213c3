# Compiles MODULE into FATBIN with NVCC and fails if an attention kernel spills registers. What ptxas says of every kernel is kept
# beside the fatbin's folder, in target/ptxas.log.
get_filename_component(folder "${FATBIN}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
execute_process(
  COMMAND "${NVCC}" -std=c++17 -O3 -fatbin --threads 3 -Xptxas -v -Werror all-warnings
          -gencode arch=compute_80,code=[sm_80,compute_80]
          -gencode arch=compute_90a,code=sm_90a
          "${MODULE}" -o "${FATBIN}.new"
  RESULT_VARIABLE status
  OUTPUT_VARIABLE log
  ERROR_VARIABLE log)
if(NOT status EQUAL 0)
  file(REMOVE "${FATBIN}.new")
  message(FATAL_ERROR "nvcc failed:\n${log}")
endif()
file(WRITE "${folder}/../../../../ptxas.log" "${log}")

string(REGEX REPLACE ";" "," log "${log}")
string(REGEX MATCHALL "Compiling entry function '[^\n]*\n[^\n]*\n[^\n]*bytes spill[^\n]*|Compiling entry function '[^\n]*\n[^\n]*bytes spill[^\n]*"
       reports "${log}")
set(kernels 0)
foreach(report IN LISTS reports)
  if(report MATCHES "'(attention_[a-z0-9_]*)' for '([a-z0-9_]*)'")
    set(kernel "${CMAKE_MATCH_1} for ${CMAKE_MATCH_2}")
    math(EXPR kernels "${kernels} + 1")
    if(NOT report MATCHES " 0 bytes spill stores, 0 bytes spill loads")
      file(REMOVE "${FATBIN}.new")
      message(FATAL_ERROR "${kernel} spills registers:\n${report}")
    endif()
  endif()
endforeach()
# Two types, eight head sizes, two architectures.
if(NOT kernels EQUAL 32)
  file(REMOVE "${FATBIN}.new")
  message(FATAL_ERROR "ptxas reported on ${kernels} attention kernels where 32 are expected")
endif()
file(RENAME "${FATBIN}.new" "${FATBIN}")
