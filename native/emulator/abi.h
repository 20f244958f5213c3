// The part of the driver's binary interface that the emulated device offers, and what its two libraries share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#define EXPORT extern "C" __attribute__((visibility("default")))

using Status = int;
using DevicePointer = unsigned long long;

enum : Status {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  LAUNCH_FAILED = 719,
  STREAM_CAPTURE_UNSUPPORTED = 900,
  STREAM_CAPTURE_INVALIDATED = 901,
};

// A piece of work: it does what it was made with, as often as it is called.
using Work = std::function<Status()>;

// Puts work into a stream: it is done when somebody waits for the stream, or kept in the graph that the stream records.
__attribute__((visibility("default"))) Status emulatorEnqueue(void* stream, Work work);

// Whether a test wants this launch of the kernel to fail.
__attribute__((visibility("default"))) bool emulatorFails(const std::string& kernel);

// Whether a test wants the launch that is asked for to be refused.
__attribute__((visibility("default"))) bool emulatorRefuses(void* stream);

// Whether `bytes` from `address` on lie in one allocation of device memory.
__attribute__((visibility("default"))) bool emulatorOwns(const void* address, size_t bytes);

// Whether a product over so many rows is computed.
__attribute__((visibility("default"))) bool emulatorMultiplies(uint64_t rows);

// What tests want of products.
struct Products {
  int tiles = 1;          // that algorithms of one class of bits come with
  int deviatingTile = 0;  // the one whose sums are another class's after all; 0: none
  int slowAlgorithm = 0;  // its products take a second by the events' clock; 0: none do
  int slowTile = 0;
  uint64_t silentRows = 0;  // no algorithm of the class is proposed for so many rows, though it computes them
  bool invariant = true;  // whether any algorithm adds up alike for all numbers of rows
};
__attribute__((visibility("default"))) Products emulatorProducts();

// The first number of the device's compute capability.
__attribute__((visibility("default"))) int emulatorMajor();

// Lets the clock of events go on by so many seconds.
__attribute__((visibility("default"))) void emulatorDelay(int seconds);
