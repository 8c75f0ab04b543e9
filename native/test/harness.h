// What the kernels' tests and microbenchmark share: arrays, masks in words, and a job run on threads of our own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "../attention.h"

namespace harness {

inline float number(uint16_t bits, attention::DType dtype) {
  if (dtype == attention::DType::kBF16) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float x;
    memcpy(&x, &wide, 4);
    return x;
  }
  const int exponent = bits >> 10 & 31;
  const float fraction = static_cast<float>(bits & 1023), sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24));
}

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Free>;

// 64-byte aligned, and not a byte more than asked for, so that a sanitizer sees who goes past it. Each float in it, and each bf16, is NaN.
inline Memory memory_of(size_t bytes) {
  void* at = nullptr;
  if (posix_memalign(&at, 64, std::max<size_t>(bytes, 1)) != 0) throw std::bad_alloc();
  memset(at, 0xff, bytes);
  return Memory(static_cast<char*>(at));
}

// An array of a dtype with its numbers, so many bytes off its alignment.
class Array {
 public:
  Array(attention::DType dtype, int64_t size, size_t off = 0)
      : dtype_(dtype), size_(size), owned_(memory_of(off + static_cast<size_t>(size) * width())), memory_(owned_.get() + off) {}

  size_t width() const { return dtype_ == attention::DType::kF32 ? 4 : 2; }
  int64_t size() const { return size_; }
  void* data() const { return memory_; }
  float at(int64_t i) const {
    if (dtype_ == attention::DType::kF32) return reinterpret_cast<const float*>(memory_)[i];
    return number(reinterpret_cast<const uint16_t*>(memory_)[i], dtype_);
  }
  // To the nearest number of the dtype, or one of its two neighbours: `at` tells which.
  void set(int64_t i, float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (dtype_ == attention::DType::kF32)
      memcpy(memory_ + 4 * i, &x, 4);
    else if (dtype_ == attention::DType::kBF16)
      reinterpret_cast<uint16_t*>(memory_)[i] = static_cast<uint16_t>(bits >> 16);
    else
      reinterpret_cast<uint16_t*>(memory_)[i] = half(x);
  }
  void fill(unsigned seed, float size = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, size);
    for (int64_t i = 0; i < size_; i++) set(i, normal(random));
  }

 private:
  static uint16_t half(float x) {
    const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    if (std::isnan(x)) return 0x7e00;
    if (std::fabs(x) >= 65520) return sign | 0x7c00;
    int exponent;
    const float fraction = std::frexp(std::fabs(x), &exponent);  // in [1/2, 1)
    if (x == 0 || exponent < -13) return sign | static_cast<uint16_t>(std::ldexp(std::fabs(x), 24));
    return sign | static_cast<uint16_t>((exponent + 14) << 10 | (static_cast<int>(std::ldexp(fraction, 11)) & 1023));
  }

  attention::DType dtype_;
  int64_t size_;
  Memory owned_;
  char* memory_;
};

// The words of a mask of one plane and one strip: row i attends to keys [i - before, i + after], those that there are. ffi.h has the format.
inline std::vector<int64_t> band(int64_t queries, int64_t keys, int64_t before, int64_t after) {
  std::vector<int64_t> strips;
  int64_t count = 0;
  // A strip for each run of rows whose ends are bounded alike.
  std::vector<int64_t> cuts = {0, queries, before, keys - after - 1, keys + before, -after};
  std::sort(cuts.begin(), cuts.end());
  int64_t start = 0;
  for (int64_t cut : cuts) {
    cut = std::min(cut, queries);
    if (cut <= start) continue;
    const bool low = start - before >= 0, high = start + after + 1 < keys;
    const bool is_empty = start - before >= keys || start + after < 0;
    count++;
    strips.insert(strips.end(), {start, cut, is_empty ? 0 : 1});
    if (!is_empty) strips.insert(strips.end(), {low, low ? -before : 0, high, high ? after + 1 : keys});
    start = cut;
  }
  std::vector<int64_t> words = {1, 1, 1, 1, 0, -1, -1, count};
  words.insert(words.end(), strips.begin(), strips.end());
  return words;
}

inline attention::Mask mask_of(const std::vector<int64_t>& words, const attention::Problem& p) {
  const int64_t all = 0;
  return attention::read_mask({words.data(), words.size()}, {&all, 1}, p.heads, p.queries, p.keys);
}

// The threads' scratch. What is kept from one job to the next takes no time for fresh pages.
class Scratch {
 public:
  void* of(int thread, size_t bytes) {
    const auto n = static_cast<size_t>(thread);
    if (n >= kept_.size()) kept_.resize(n + 1);
    if (!kept_[n].memory || kept_[n].bytes < bytes) kept_[n] = {memory_of(bytes), bytes};
    return kept_[n].memory.get();
  }

 private:
  struct Piece {
    Memory memory;
    size_t bytes = 0;
  };
  std::vector<Piece> kept_;
};

inline Scratch& kept_scratch() {
  static Scratch kept;
  return kept;
}

// A phase at a time on `threads` threads, the caller's among them.
inline void run(attention::Job& job, int threads, Scratch& scratches = kept_scratch()) {
  for (int phase = 0; phase < job.phases(); phase++) {
    std::atomic<int64_t> next{0};
    const auto work = [&](void* scratch) {
      for (int64_t task; (task = next++) < job.tasks(phase);) job.run(phase, task, scratch);
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads; i++) others.emplace_back(work, scratches.of(i, job.scratch_bytes()));
    work(scratches.of(0, job.scratch_bytes()));
    for (std::thread& other : others) other.join();
  }
}

}  // namespace harness
