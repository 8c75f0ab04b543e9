// What this machine's cores can do at most, all at once, as JSON: GFLOP/s of multiply-adds in f32 and on pairs of bf16 (f32 again where it
// has no vdpbf16ps), and GB/s of reading 512 MiB.   g++ -O3 -march=native -pthread -o peak bench/peak.cc && ./peak
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

// As many sums as the latency takes, in the registers that there are.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kSums = 20;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kSums = 12;
#else
constexpr int kVectorBytes = 16, kSums = 20;
#endif
#if defined(__x86_64__)
#define IN_REGISTER(x) asm volatile("" : "+v"(x))
#else
#define IN_REGISTER(x) asm volatile("" : "+w"(x))
#endif

using Vector = float __attribute__((vector_size(kVectorBytes)));

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The most of many rounds of `work(thread)`, which returns what it did, on all threads at once, in 10^9 a second.
template <class Work>
double most(int threads, int rounds, Work work) {
  double best = 0;
  while (rounds--) {
    std::atomic<int> ready{0};
    std::vector<double> done(static_cast<size_t>(threads)), start(done), end(done);
    const auto one = [&](int n) {
      const auto i = static_cast<size_t>(n);
      for (ready++; ready < threads;) {
      }
      start[i] = now();
      done[i] = work(n);
      end[i] = now();
    };
    std::vector<std::thread> others;
    for (int n = 1; n < threads; n++) others.emplace_back(one, n);
    one(0);
    for (std::thread& other : others) other.join();
    double sum = 0;
    for (const double each : done) sum += each;
    best = std::max(best, sum / (*std::max_element(end.begin(), end.end()) - *std::min_element(start.begin(), start.end())));
  }
  return best * 1e-9;
}

// `operations` is those of one `fma`.
template <class Fma>
double multiply_adds(double operations, Fma fma) {
  constexpr int kSteps = 200000;
  Vector sums[kSums] = {};
  for (int n = 0; n < kSteps; n++) {
#pragma GCC unroll 20
    for (Vector& sum : sums) {
      sum = fma(sum);
      IN_REGISTER(sum);
    }
  }
  return operations * kSums * kSteps;
}

double f32(int) {
  Vector a = Vector{} + 1e-3F;
  IN_REGISTER(a);
  return multiply_adds(kVectorBytes / 2.0, [a](Vector sum) { return a * a + sum; });
}

#if defined(__AVX512BF16__)
double bf16(int) {
  const auto a = (__m512bh)_mm512_set1_epi32(0x3a803a80);
  return multiply_adds(kVectorBytes, [a](Vector sum) { return (Vector)_mm512_dpbf16_ps((__m512)sum, a, a); });
}
#endif

}  // namespace

int main() {
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const double single = most(threads, 80, f32);
#if defined(__AVX512BF16__)
  const double pairs = most(threads, 80, bf16);
#else
  const double pairs = single;
#endif
  constexpr size_t kBytes = 512U << 20;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  madvise(memory, kBytes, MADV_HUGEPAGE);
  auto* words = static_cast<uint64_t*>(memory);
  std::fill_n(words, kBytes / 8, 1);
  const size_t share = kBytes / 8 / static_cast<size_t>(threads);
  const double read = most(threads, 30, [=](int thread) {
    const uint64_t* from = words + share * static_cast<size_t>(thread);
    uint64_t sums[16] = {};
    for (size_t i = 0; i + 16 <= share; i += 16)
      for (size_t j = 0; j < 16; j++) sums[j] += from[i + j];
    for (const uint64_t sum : sums) asm volatile("" : : "r"(sum));
    return 8.0 * static_cast<double>(share);
  });
  printf("{\"threads\":%d,\"vectorBits\":%d,\"f32\":%.1f,\"bf16\":%.1f,\"read\":%.1f}\n", threads, 8 * kVectorBytes, single, pairs, read);
}
