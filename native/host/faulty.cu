// Kernels with mistakes, to test that the shim finds them; they are in a library of their own.
#include "../../kernels-cu/common.cuh"

__global__ void number_threads(int* out) {
  const int block = static_cast<int>(blockIdx.y * gridDim.x + blockIdx.x);
  const int i = block * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
  __syncthreads();
  out[i] = i - static_cast<int>(threadIdx.x) + __shfl_sync(ALL_LANES, static_cast<int>(threadIdx.x), threadIdx.x % WARP_SIZE);
}
KERNEL(number_threads);

__global__ void barrier_in_a_branch(int*) {
  if (threadIdx.x != 5) {
    __syncthreads();
  }
}
KERNEL(barrier_in_a_branch);

__global__ void shuffle_in_a_branch(int*) {
  if (threadIdx.x % WARP_SIZE != 5) {
    warpSum(1);
  }
}
KERNEL(shuffle_in_a_branch);

__global__ void barrier_and_shuffle(int*) {
  if (threadIdx.x >= WARP_SIZE) {
    __syncthreads();
  } else if (threadIdx.x != 0) {
    warpSum(1);
  }
}
KERNEL(barrier_and_shuffle);

__global__ void two_shuffles(int*) {
  if (threadIdx.x % 2 == 0) {
    __shfl_sync(ALL_LANES, 1, 0);
  } else {
    __shfl_xor_sync(ALL_LANES, 1, 1);
  }
}
KERNEL(two_shuffles);

__global__ void shuffle_of_some_lanes(int*) {
  __shfl_sync(0xFFFFu, 1, 0);
}
KERNEL(shuffle_of_some_lanes);

__global__ void write_past_shared_memory(int*) {
  DYNAMIC_SHARED(shared);
  shared[threadIdx.x * 4 + 4] = 0;
}
KERNEL(write_past_shared_memory);

__global__ void write_before_shared_memory(int*) {
  DYNAMIC_SHARED(shared);
  shared[static_cast<int>(threadIdx.x) * 4 - 4] = 0;
}
KERNEL(write_before_shared_memory);

__global__ void copy_without_wait(int* in) {
  DYNAMIC_SHARED(shared);
  startCopy(shared + threadIdx.x % 16 * 16, in, true);
  endCopies();
}
KERNEL(copy_without_wait);

__global__ void copy_to_odd_address(int* in) {
  DYNAMIC_SHARED(shared);
  startCopy(shared + 8, in, true);
}
KERNEL(copy_to_odd_address);

// Every thread reads what its neighbour wrote, with no barrier in between.
__global__ void missing_barrier(const int* in, int* out) {
  DYNAMIC_SHARED(shared);
  int* const words = reinterpret_cast<int*>(shared);
  words[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = words[(threadIdx.x + blockDim.x - 1) % blockDim.x];
}
KERNEL(missing_barrier);

__global__ void read_before_wait(const int* in, int* out) {
  DYNAMIC_SHARED(shared);
  int* const words = reinterpret_cast<int*>(shared);
  if (threadIdx.x < 16) {
    startCopy(words + threadIdx.x * 4, in + threadIdx.x * 4, true);
  }
  endCopies();
  __syncthreads();
  out[threadIdx.x] = words[threadIdx.x];
  awaitCopies<0>();
}
KERNEL(read_before_wait);

__global__ void wait_and_number(int* out) {
  awaitEarlierLaunch();
  out[threadIdx.x] = static_cast<int>(threadIdx.x);
}
KERNEL(wait_and_number);
