// An emulated CUDA driver for tests: one device, which is the CPU. Where devices and drivers differ, it is as unkind as any of them:
//
// - Work that is put into a stream waits there until somebody waits for it, so that a host buffer that is used again too early is seen
//   with its later content, as on a device that lags behind.
// - Device memory starts as NaN, becomes NaN again when it is freed, and lies between guard bytes that are checked then. A request gets
//   the lowest address that holds it, so what was freed is handed out again at once.
// - Pinned memory that was freed can be touched no more, and its address is never handed out again. A copy that was recorded while
//   either side was alive fails if it runs later.
// - A thread without the context gets nothing.
// - A launch that asks for more shared memory than its function was allowed, or for more registers than a multiprocessor has, is refused.
//   The registers are those that ptxas reported when the fatbin was built; without an nvcc there is no report and no such rule.
// - A kernel that is launched to start before the one ahead has ended fails if a thread of it does not wait first.
// - Memory of the host is never set by the device: no documentation promises that a graph may.
//
// Kernels are those that the host library of `native/` has under the same names.
#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "abi.h"

namespace {

constexpr size_t GUARD = 256;
constexpr unsigned char GUARD_BYTE = 0xA5;
constexpr unsigned char FRESH_BYTE = 0xFF;
constexpr int DRIVER_VERSION = 13000;
constexpr size_t DEFAULT_MEMORY = size_t{8} << 30;
constexpr size_t MOST_MEMORY = size_t{1} << 38;
constexpr size_t PAGE = 4096;
constexpr int SHARED_BYTES = 227 * 1024;
constexpr int UNASKED_SHARED_BYTES = 48 * 1024;
constexpr int REGISTERS = 64 * 1024;
constexpr int DEFAULT_MAJOR = 9;
constexpr int REGISTER_UNIT = 8;
constexpr int WARP = 32;

enum { FUNCTION_SHARED_BYTES = 1, FUNCTION_REGISTERS = 4, FUNCTION_MOST_DYNAMIC_SHARED_BYTES = 8 };

constexpr unsigned PROGRAMMATIC_STREAM_SERIALIZATION = 6;

// CUlaunchAttribute and CUlaunchConfig.
struct LaunchAttribute {
  unsigned id;
  int padding;
  int value[16];
};
struct LaunchConfiguration {
  unsigned gx, gy, gz, bx, by, bz, shared;
  void* stream;
  const LaunchAttribute* attributes;
  unsigned count;
};
static_assert(sizeof(LaunchAttribute) == 72 && sizeof(LaunchConfiguration) == 56, "as in cuda.h");

using Clock = std::chrono::steady_clock;

struct Graph {
  std::vector<Work> work;
};

struct Stream {
  std::deque<Work> waiting;
  std::shared_ptr<Graph> recording;
  bool spoiled = false;  // a call was refused while it recorded
};

struct Event {
  uint64_t recorded = 0;  // how often it was put into a stream
  uint64_t happened = 0;  // how many of these have been reached
  Stream* stream = nullptr;
  Clock::time_point time;
};

// What a kernel takes of a multiprocessor, the worst of all architectures; zeros if that is not known.
struct Needs {
  int registers = 0;  // a thread
  int sharedBytes = 0;  // a block, beside what a launch asks for
};

struct Function {
  std::string name;
  int parameters;
  Needs needs;
  int mostDynamic;
};

struct Module {
  std::map<std::string, std::unique_ptr<Function>> functions;
};

// The folder that this library lies in, and a slash.
std::string ownFolder() {
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&emulatorEnqueue), &self);
  const std::string path = self.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

// What ptxas reported of the kernels, by name.
const std::map<std::string, Needs>& reported() {
  static const std::map<std::string, Needs> all = [] {
    std::map<std::string, Needs> found;
    std::ifstream log(ownFolder() + "../ptxas.log");
    std::string name;
    for (std::string line; std::getline(log, line);) {
      const size_t quoted = line.find("Compiling entry function '");
      if (quoted != std::string::npos) {
        const size_t from = line.find('\'', quoted) + 1;
        name = line.substr(from, line.find('\'', from) - from);
      }
      const size_t used = line.find(": Used ");
      if (used != std::string::npos) {
        Needs& needs = found[name];
        needs.registers = std::max(needs.registers, atoi(line.c_str() + used + 7));
        const size_t shared = line.find(" bytes smem");
        if (shared != std::string::npos) {
          const size_t from = line.rfind(' ', shared - 1) + 1;
          needs.sharedBytes = std::max(needs.sharedBytes, atoi(line.c_str() + from));
        }
      }
    }
    return found;
  }();
  return all;
}

// The host library of the kernels, in the folder beside this one's.
struct Kernels {
  int (*launch)(const char*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void**) = nullptr;
  const char* (*error)() = nullptr;
  int (*parameters)(const char*) = nullptr;
  void (*early)(int) = nullptr;

  static const Kernels& get() {
    static const Kernels kernels = [] {
      Kernels found;
      const std::string path = ownFolder() + "../host/libpalimpsest_kernels_host.so";
      if (void* library = dlopen(path.c_str(), RTLD_NOW)) {
        found.launch = reinterpret_cast<decltype(found.launch)>(dlsym(library, "palimpsest_launch"));
        found.error = reinterpret_cast<decltype(found.error)>(dlsym(library, "palimpsest_error"));
        found.parameters = reinterpret_cast<decltype(found.parameters)>(dlsym(library, "palimpsest_parameters"));
        found.early = reinterpret_cast<decltype(found.early)>(dlsym(library, "palimpsest_early"));
      } else {
        fprintf(stderr, "emulated device: %s\n", dlerror());
      }
      return found;
    }();
    return kernels;
  }
};

std::recursive_mutex mutex;
std::map<uintptr_t, size_t> deviceMemory;  // start -> bytes
std::map<uintptr_t, size_t> pinnedMemory;
size_t deviceRangeBytes = 0;
std::set<Stream*> streams;
size_t memoryLimit = DEFAULT_MEMORY;
std::string failing;  // the kernel whose next launch fails
int untilFailure = 0;  // the launch that fails when it runs, counted from here; 0: none
int untilRefusal = 0;  // the launch that is refused
uint64_t refusedRows = 0;  // no product over so many rows is computed
Products products;
int major = DEFAULT_MAJOR;
Clock::duration delay{};  // of the events' clock
bool idle = false;  // what is put into streams is not done
size_t memoryUsed = 0;
Status broken = SUCCESS;  // after a failed launch every call fails, as on a device
int retained = 0;
char contextHandle;
thread_local void* currentContext = nullptr;

// What keeps a call of this thread from being served.
Status state() { return retained == 0 || currentContext != &contextHandle ? INVALID_CONTEXT : broken; }

bool contains(const std::map<uintptr_t, size_t>& memory, uintptr_t address, size_t bytes) {
  auto after = memory.upper_bound(address);
  if (after == memory.begin()) {
    return false;
  }
  --after;
  return address + bytes <= after->first + after->second;
}

bool isPinned(const void* address, size_t bytes) {
  return contains(pinnedMemory, reinterpret_cast<uintptr_t>(address), bytes);
}

Status run(const Work& work) {
  if (broken == SUCCESS) {
    broken = work();
  }
  return broken;
}

bool step(Stream* stream) {
  if (stream->waiting.empty()) {
    return false;
  }
  const Work work = std::move(stream->waiting.front());
  stream->waiting.pop_front();
  run(work);
  return true;
}

Status finish(Stream* stream) {
  while (step(stream)) {
  }
  return broken;
}

Status finishAll() {
  for (Stream* stream : streams) {
    finish(stream);
  }
  return broken;
}

Status await(Event* event, uint64_t count) {
  while (event->happened < count) {
    if (event->stream == nullptr || !step(event->stream)) {
      return LAUNCH_FAILED;
    }
  }
  return SUCCESS;
}

const std::map<Status, std::pair<const char*, const char*>> MESSAGES = {
    {SUCCESS, {"CUDA_SUCCESS", "no error"}},
    {INVALID_VALUE, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {OUT_OF_MEMORY, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {NOT_INITIALIZED, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
    {NO_DEVICE, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {INVALID_DEVICE, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
    {INVALID_IMAGE, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {INVALID_CONTEXT, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {INVALID_HANDLE, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
    {NOT_FOUND, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {NOT_READY, {"CUDA_ERROR_NOT_READY", "device not ready"}},
    {ILLEGAL_ADDRESS, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {LAUNCH_OUT_OF_RESOURCES, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
    {LAUNCH_FAILED, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {STREAM_CAPTURE_UNSUPPORTED, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
    {STREAM_CAPTURE_INVALIDATED, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
};

using Lock = std::lock_guard<std::recursive_mutex>;

}  // namespace

// Puts work into a stream, also into that of an idle device.
static Status put(void* handle, Work work) {
  auto* stream = static_cast<Stream*>(handle);
  if (streams.count(stream) == 0) {
    return INVALID_HANDLE;
  }
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  if (stream->spoiled) {
    return STREAM_CAPTURE_INVALIDATED;
  }
  if (stream->recording) {
    stream->recording->work.push_back(std::move(work));
  } else {
    stream->waiting.push_back(std::move(work));
  }
  return SUCCESS;
}

Status emulatorEnqueue(void* handle, Work work) {
  Lock lock(mutex);
  return put(handle, idle ? [] { return SUCCESS; } : std::move(work));
}

bool emulatorFails(const std::string& kernel) {
  const bool counted = untilFailure > 0 && --untilFailure == 0;
  if (failing != kernel) {
    return counted;
  }
  failing.clear();
  return true;
}

bool emulatorRefuses(void* stream) {
  Lock lock(mutex);
  if (untilRefusal == 0 || --untilRefusal > 0) {
    return false;
  }
  auto* recording = static_cast<Stream*>(stream);
  recording->spoiled = recording->recording != nullptr;
  return true;
}

bool emulatorMultiplies(uint64_t rows) {
  Lock lock(mutex);
  return rows != refusedRows;
}

Products emulatorProducts() {
  Lock lock(mutex);
  return products;
}

int emulatorMajor() {
  Lock lock(mutex);
  return major;
}

void emulatorDelay(int seconds) {
  Lock lock(mutex);
  delay += std::chrono::seconds(seconds);
}

bool emulatorOwns(const void* address, size_t bytes) {
  Lock lock(mutex);
  return contains(deviceMemory, reinterpret_cast<uintptr_t>(address), bytes);
}

// For tests.

// How much memory the device has.
EXPORT void palimpsest_emulator_memory(size_t bytes) {
  Lock lock(mutex);
  memoryLimit = bytes == 0 ? DEFAULT_MEMORY : bytes;
}

// Bytes of device memory, of pinned memory, and streams that are in use.
EXPORT size_t palimpsest_emulator_in_use() {
  Lock lock(mutex);
  return memoryUsed + pinnedMemory.size() + streams.size() + static_cast<size_t>(retained);
}

// Lets the next launch of this kernel, or of cublasLtMatmul, fail as one that reads where nothing is.
EXPORT void palimpsest_emulator_fail(const char* kernel) {
  Lock lock(mutex);
  failing = kernel;
}

// Lets a launch of a kernel or a product fail when it runs, and one be refused when it is asked for: each the n-th from here, 0 for none.
EXPORT void palimpsest_emulator_fail_at(int failed, int refused) {
  Lock lock(mutex);
  untilFailure = failed;
  untilRefusal = refused;
}

// Lets no algorithm compute products over so many rows; 0: all do.
EXPORT void palimpsest_emulator_refuse_rows(int rows) {
  Lock lock(mutex);
  refusedRows = static_cast<uint64_t>(rows);
}

// The first number of the device's compute capability; 0: 9.
EXPORT void palimpsest_emulator_capability(int number) {
  Lock lock(mutex);
  major = number == 0 ? DEFAULT_MAJOR : number;
}

// What algorithms products have, see Products.
EXPORT void palimpsest_emulator_products(int tiles, int deviatingTile, int slowAlgorithm, int slowTile, int silentRows,
                                           int invariant) {
  Lock lock(mutex);
  products = {tiles, deviatingTile, slowAlgorithm, slowTile, static_cast<uint64_t>(silentRows), invariant != 0};
}

// Lets the device do nothing of what is put into its streams, and leave its memory as it is: what then takes time is the host's, and
// weights take addresses alone.
EXPORT void palimpsest_emulator_idle(int on) {
  Lock lock(mutex);
  idle = on != 0;
}

// The driver and its device.

EXPORT Status cuInit(unsigned) { return SUCCESS; }

EXPORT Status cuDriverGetVersion(int* version) {
  *version = DRIVER_VERSION;
  return SUCCESS;
}

EXPORT Status cuGetErrorName(Status status, const char** text) {
  const auto found = MESSAGES.find(status);
  *text = found == MESSAGES.end() ? nullptr : found->second.first;
  return found == MESSAGES.end() ? INVALID_VALUE : SUCCESS;
}

EXPORT Status cuGetErrorString(Status status, const char** text) {
  const auto found = MESSAGES.find(status);
  *text = found == MESSAGES.end() ? nullptr : found->second.second;
  return found == MESSAGES.end() ? INVALID_VALUE : SUCCESS;
}

EXPORT Status cuDeviceGetCount(int* count) {
  *count = 1;
  return SUCCESS;
}

EXPORT Status cuDeviceGet(int* device, int ordinal) {
  *device = 0;
  return ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}

EXPORT Status cuDeviceGetName(char* name, int bytes, int) {
  strncpy(name, "emulated device (CPU)", static_cast<size_t>(bytes));
  return SUCCESS;
}

EXPORT Status cuDeviceGetUuid_v2(unsigned char* uuid, int) {
  memset(uuid, 0, 16);
  return SUCCESS;
}

EXPORT Status cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = memoryLimit;
  return SUCCESS;
}

EXPORT Status cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 75:  // compute capability, major
      *value = emulatorMajor();
      return SUCCESS;
    case 76:  // minor
      *value = 0;
      return SUCCESS;
    case 16:  // multiprocessors
      *value = 4;
      return SUCCESS;
    case 97:  // shared memory that a block may ask for
      *value = SHARED_BYTES;
      return SUCCESS;
    default:
      return INVALID_VALUE;
  }
}

EXPORT Status cuDevicePrimaryCtxRetain(void** context, int) {
  Lock lock(mutex);
  retained++;
  *context = &contextHandle;
  return SUCCESS;
}

EXPORT Status cuDevicePrimaryCtxRelease_v2(int) {
  Lock lock(mutex);
  if (retained == 0) {
    return INVALID_CONTEXT;
  }
  if (--retained == 0) {
    broken = SUCCESS;  // the context goes, and its error with it
  }
  return SUCCESS;
}

EXPORT Status cuCtxSetCurrent(void* context) {
  if (context != nullptr && context != &contextHandle) {
    return INVALID_CONTEXT;
  }
  currentContext = context;
  return SUCCESS;
}

EXPORT Status cuCtxSynchronize() {
  Lock lock(mutex);
  finishAll();
  return state();
}

// Memory.

EXPORT Status cuMemGetInfo_v2(size_t* free, size_t* total) {
  Lock lock(mutex);
  *total = memoryLimit;
  *free = memoryLimit - std::min(memoryLimit, memoryUsed);
  return state();
}

// The addresses of the device's memory, of which pages are taken when they are written.
static uintptr_t deviceRange() {
  static const uintptr_t start = [] {
    for (size_t bytes = MOST_MEMORY; bytes > DEFAULT_MEMORY; bytes /= 2) {
      void* range = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (range != MAP_FAILED) {
        deviceRangeBytes = bytes;
        return reinterpret_cast<uintptr_t>(range);
      }
    }
    return uintptr_t{0};
  }();
  return start;
}

// What an allocation takes, guards included.
static size_t guarded(size_t bytes) { return (bytes + 255) / 256 * 256 + 2 * GUARD; }

// The lowest address at which so many bytes are free.
static uintptr_t lowestFree(size_t bytes) {
  uintptr_t at = deviceRange();
  for (const auto& [start, taken] : deviceMemory) {
    if (start - GUARD - at >= bytes) {
      break;
    }
    at = start - GUARD + guarded(taken);
  }
  return at;
}

EXPORT Status cuMemAlloc_v2(DevicePointer* pointer, size_t bytes) {
  Lock lock(mutex);
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  const uintptr_t at = lowestFree(guarded(bytes));
  if (memoryUsed + bytes > memoryLimit || at == 0 || at - deviceRange() + guarded(bytes) > deviceRangeBytes) {
    return OUT_OF_MEMORY;
  }
  auto* memory = reinterpret_cast<unsigned char*>(at);
  memset(memory, GUARD_BYTE, GUARD);
  memset(memory + GUARD + bytes, GUARD_BYTE, guarded(bytes) - GUARD - bytes);
  if (!idle) {
    memset(memory + GUARD, FRESH_BYTE, bytes);
  }
  *pointer = at + GUARD;
  deviceMemory[at + GUARD] = bytes;
  memoryUsed += bytes;
  return SUCCESS;
}

EXPORT Status cuMemFree_v2(DevicePointer pointer) {
  Lock lock(mutex);
  const auto found = deviceMemory.find(static_cast<uintptr_t>(pointer));
  if (found == deviceMemory.end()) {
    return INVALID_VALUE;
  }
  finishAll();
  const size_t bytes = found->second;
  auto* memory = reinterpret_cast<unsigned char*>(found->first) - GUARD;
  const auto intact = [&](size_t from, size_t to) {
    return std::all_of(memory + from, memory + to, [](unsigned char each) { return each == GUARD_BYTE; });
  };
  const bool whole = intact(0, GUARD) && intact(GUARD + bytes, guarded(bytes));
  deviceMemory.erase(found);
  memoryUsed -= bytes;
  if (!idle) {
    memset(memory, FRESH_BYTE, guarded(bytes));
  }
  return whole ? state() : ILLEGAL_ADDRESS;
}

EXPORT Status cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
  Lock lock(mutex);
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  *pointer = mmap(nullptr, (bytes + PAGE - 1) / PAGE * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (*pointer == MAP_FAILED) {
    return OUT_OF_MEMORY;
  }
  pinnedMemory[reinterpret_cast<uintptr_t>(*pointer)] = bytes;
  return SUCCESS;
}

EXPORT Status cuMemFreeHost(void* pointer) {
  Lock lock(mutex);
  const auto found = pinnedMemory.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == pinnedMemory.end()) {
    return INVALID_VALUE;
  }
  finishAll();
  // The addresses stay taken, their pages do not.
  mmap(pointer, (found->second + PAGE - 1) / PAGE * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  pinnedMemory.erase(found);
  return state();
}

EXPORT Status cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from, size_t bytes, void* stream) {
  Lock lock(mutex);
  auto* target = reinterpret_cast<void*>(to);
  if (!emulatorOwns(target, bytes) || !isPinned(from, bytes)) {
    return INVALID_VALUE;  // copies from pageable memory are nothing the engine does
  }
  return emulatorEnqueue(stream, [=]() -> Status {
    if (!emulatorOwns(target, bytes) || !isPinned(from, bytes)) {
      return ILLEGAL_ADDRESS;
    }
    memcpy(target, from, bytes);
    return SUCCESS;
  });
}

EXPORT Status cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, size_t bytes, void* stream) {
  Lock lock(mutex);
  auto* source = reinterpret_cast<const void*>(from);
  if (!emulatorOwns(source, bytes) || !isPinned(to, bytes)) {
    return INVALID_VALUE;
  }
  return emulatorEnqueue(stream, [=]() -> Status {
    if (!emulatorOwns(source, bytes) || !isPinned(to, bytes)) {
      return ILLEGAL_ADDRESS;
    }
    memcpy(to, source, bytes);
    return SUCCESS;
  });
}

EXPORT Status cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t bytes, void* stream) {
  Lock lock(mutex);
  auto* target = reinterpret_cast<void*>(to);
  auto* source = reinterpret_cast<const void*>(from);
  if (!emulatorOwns(target, bytes) || !emulatorOwns(source, bytes)) {
    return INVALID_VALUE;
  }
  return emulatorEnqueue(stream, [=]() -> Status {
    if (!emulatorOwns(target, bytes) || !emulatorOwns(source, bytes)) {
      return ILLEGAL_ADDRESS;
    }
    memmove(target, source, bytes);
    return SUCCESS;
  });
}

EXPORT Status cuMemsetD32Async(DevicePointer to, unsigned word, size_t count, void* stream) {
  Lock lock(mutex);
  auto* target = reinterpret_cast<uint32_t*>(to);
  if (!emulatorOwns(target, 4 * count)) {
    return INVALID_VALUE;
  }
  return emulatorEnqueue(stream, [=]() -> Status {
    if (!emulatorOwns(target, 4 * count)) {
      return ILLEGAL_ADDRESS;
    }
    std::fill(target, target + count, word);
    return SUCCESS;
  });
}

// Streams and events.

EXPORT Status cuStreamCreate(void** stream, unsigned) {
  Lock lock(mutex);
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  auto* created = new Stream();
  streams.insert(created);
  *stream = created;
  return SUCCESS;
}

EXPORT Status cuStreamDestroy_v2(void* handle) {
  Lock lock(mutex);
  auto* stream = static_cast<Stream*>(handle);
  if (streams.count(stream) == 0) {
    return INVALID_HANDLE;
  }
  const Status status = finish(stream);
  streams.erase(stream);
  delete stream;
  return status;
}

EXPORT Status cuStreamSynchronize(void* handle) {
  Lock lock(mutex);
  auto* stream = static_cast<Stream*>(handle);
  if (streams.count(stream) == 0) {
    return INVALID_HANDLE;
  }
  return stream->recording ? STREAM_CAPTURE_UNSUPPORTED : finish(stream);
}

EXPORT Status cuStreamWaitEvent(void* stream, void* handle, unsigned) {
  Lock lock(mutex);
  auto* event = static_cast<Event*>(handle);
  const uint64_t count = event->recorded;
  return count == 0 ? SUCCESS : put(stream, [=] { return await(event, count); });
}

EXPORT Status cuEventCreate(void** event, unsigned) {
  *event = new Event();
  return SUCCESS;
}

EXPORT Status cuEventDestroy_v2(void* handle) {
  Lock lock(mutex);
  auto* event = static_cast<Event*>(handle);
  const Status status = event->stream != nullptr && streams.count(event->stream) > 0 ? finish(event->stream) : SUCCESS;
  delete event;
  return status;
}

EXPORT Status cuEventRecord(void* handle, void* stream) {
  Lock lock(mutex);
  auto* event = static_cast<Event*>(handle);
  const uint64_t count = event->recorded + 1;
  const Status status = put(stream, [=] {
    event->happened = count;
    event->time = Clock::now() + delay;
    return SUCCESS;
  });
  if (status == SUCCESS) {
    event->recorded = count;
    event->stream = static_cast<Stream*>(stream);
  }
  return status;
}

EXPORT Status cuEventSynchronize(void* handle) {
  Lock lock(mutex);
  auto* event = static_cast<Event*>(handle);
  const Status status = await(event, event->recorded);
  return broken == SUCCESS ? status : broken;
}

EXPORT Status cuEventQuery(void* handle) {
  Lock lock(mutex);
  auto* event = static_cast<Event*>(handle);
  if (event->happened < event->recorded) {
    step(event->stream);  // whoever asks again and again is to get an answer
  }
  return broken != SUCCESS ? broken : event->happened < event->recorded ? NOT_READY : SUCCESS;
}

EXPORT Status cuEventElapsedTime_v2(float* millis, void* start, void* end) {
  Lock lock(mutex);
  const auto* first = static_cast<Event*>(start);
  const auto* last = static_cast<Event*>(end);
  *millis = std::chrono::duration<float, std::milli>(last->time - first->time).count();
  return first->happened == 0 || last->happened == 0 ? NOT_READY : SUCCESS;
}

// Graphs.

EXPORT Status cuStreamBeginCapture_v2(void* handle, int) {
  Lock lock(mutex);
  auto* stream = static_cast<Stream*>(handle);
  if (streams.count(stream) == 0) {
    return INVALID_HANDLE;
  }
  if (stream->recording) {
    return STREAM_CAPTURE_UNSUPPORTED;
  }
  stream->recording = std::make_shared<Graph>();
  return broken;
}

EXPORT Status cuStreamEndCapture(void* handle, void** graph) {
  Lock lock(mutex);
  auto* stream = static_cast<Stream*>(handle);
  if (streams.count(stream) == 0 || !stream->recording) {
    return INVALID_HANDLE;
  }
  const std::shared_ptr<Graph> recorded = std::move(stream->recording);
  stream->recording.reset();
  if (std::exchange(stream->spoiled, false)) {
    *graph = nullptr;
    return STREAM_CAPTURE_INVALIDATED;
  }
  *graph = new std::shared_ptr<Graph>(recorded);
  return broken;
}

EXPORT Status cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
  *executable = new std::shared_ptr<Graph>(*static_cast<std::shared_ptr<Graph>*>(graph));
  return SUCCESS;
}

EXPORT Status cuGraphDestroy(void* graph) {
  delete static_cast<std::shared_ptr<Graph>*>(graph);
  return SUCCESS;
}

EXPORT Status cuGraphExecDestroy(void* executable) { return cuGraphDestroy(executable); }

EXPORT Status cuGraphLaunch(void* executable, void* stream) {
  const std::shared_ptr<Graph> graph = *static_cast<std::shared_ptr<Graph>*>(executable);
  return emulatorEnqueue(stream, [graph] {
    Status status = SUCCESS;
    for (size_t i = 0; i < graph->work.size() && status == SUCCESS; i++) {
      status = graph->work[i]();
    }
    return status;
  });
}

// Kernels.

EXPORT Status cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
  Lock lock(mutex);
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  if (image == nullptr) {
    return INVALID_VALUE;
  }
  *module = new Module();
  return Kernels::get().launch != nullptr && Kernels::get().parameters != nullptr && Kernels::get().early != nullptr ? SUCCESS : INVALID_IMAGE;
}

EXPORT Status cuModuleUnload(void* module) {
  Lock lock(mutex);
  const Status status = finishAll();
  delete static_cast<Module*>(module);
  return status;
}

EXPORT Status cuModuleGetFunction(void** function, void* handle, const char* name) {
  Lock lock(mutex);
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  const int parameters = Kernels::get().parameters(name);
  if (parameters < 0) {
    return NOT_FOUND;
  }
  auto& slot = static_cast<Module*>(handle)->functions[name];
  if (!slot) {
    const auto found = reported().find(name);
    const Needs needs = found == reported().end() ? Needs{} : found->second;
    slot = std::make_unique<Function>(Function{name, parameters, needs, UNASKED_SHARED_BYTES - needs.sharedBytes});
  }
  *function = slot.get();
  return SUCCESS;
}

EXPORT Status cuFuncSetAttribute(void* handle, int attribute, int value) {
  Lock lock(mutex);
  if (const Status status = state(); status != SUCCESS) {
    return status;
  }
  auto* function = static_cast<Function*>(handle);
  if (attribute != FUNCTION_MOST_DYNAMIC_SHARED_BYTES || value < 0 || value + function->needs.sharedBytes > SHARED_BYTES) {
    return INVALID_VALUE;
  }
  function->mostDynamic = value;
  return SUCCESS;
}

EXPORT Status cuFuncGetAttribute(int* value, int attribute, void* handle) {
  Lock lock(mutex);
  const auto* function = static_cast<Function*>(handle);
  switch (attribute) {
    case FUNCTION_SHARED_BYTES:
      *value = function->needs.sharedBytes;
      return state();
    case FUNCTION_REGISTERS:
      *value = function->needs.registers;
      return state();
    case FUNCTION_MOST_DYNAMIC_SHARED_BYTES:
      *value = function->mostDynamic;
      return state();
    default:
      return INVALID_VALUE;
  }
}

static Status launch(void* handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                     void* stream, void** parameters, bool early) {
  const auto* function = static_cast<Function*>(handle);
  const unsigned threads = bx * by * bz;
  if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || threads == 0 || threads > 1024 ||
      shared > static_cast<unsigned>(function->mostDynamic)) {
    return INVALID_VALUE;
  }
  // Registers are given out a warp at a time, each thread's rounded up.
  const unsigned registers = static_cast<unsigned>((function->needs.registers + REGISTER_UNIT - 1) / REGISTER_UNIT * REGISTER_UNIT);
  if ((threads + WARP - 1) / WARP * WARP * registers > REGISTERS || emulatorRefuses(stream)) {
    return LAUNCH_OUT_OF_RESOURCES;
  }
  // No parameter of the kernels is longer than eight bytes.
  std::vector<uint64_t> values(static_cast<size_t>(function->parameters));
  for (size_t i = 0; i < values.size(); i++) {
    memcpy(&values[i], parameters[i], 8);
  }
  const std::string name = function->name;
  return emulatorEnqueue(stream, [=]() mutable {
    std::vector<void*> pointers(values.size());
    for (size_t i = 0; i < values.size(); i++) {
      pointers[i] = &values[i];
    }
    if (emulatorFails(name)) {
      return static_cast<Status>(ILLEGAL_ADDRESS);
    }
    Kernels::get().early(early ? 1 : 0);
    if (Kernels::get().launch(name.c_str(), gx, gy, gz, bx, by, bz, shared, pointers.data()) != 0) {
      fprintf(stderr, "emulated device: %s\n", Kernels::get().error());
      return static_cast<Status>(LAUNCH_FAILED);
    }
    return static_cast<Status>(SUCCESS);
  });
}

EXPORT Status cuLaunchKernel(void* handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                             void* stream, void** parameters, void**) {
  return launch(handle, gx, gy, gz, bx, by, bz, shared, stream, parameters, false);
}

EXPORT Status cuLaunchKernelEx(const LaunchConfiguration* how, void* handle, void** parameters, void**) {
  bool early = false;
  for (unsigned i = 0; i < how->count; i++) {
    if (how->attributes[i].id != PROGRAMMATIC_STREAM_SERIALIZATION) {
      return INVALID_VALUE;  // nothing else is asked for
    }
    early = how->attributes[i].value[0] != 0;
  }
  return launch(handle, how->gx, how->gy, how->gz, how->bx, how->by, how->bz, how->shared, how->stream, parameters, early);
}
