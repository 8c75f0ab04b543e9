// Times the attention kernels without Node, XLA or a plugin: GFLOP/s of unmasked pairs, and the percentage of the peak of the instruction
// set's multiply-adds that was measured in the same run.   attention_bench [heads kv_heads tokens head_dim [threads [isa]]]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>

#include "harness.h"

namespace {

using attention::DType;
using harness::Array;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Best of many short rounds of `round`, which returns its operations, on all threads at once, in GFLOP/s.
double peak(int threads, double (*round)()) {
  double best = 0;
  for (int repeat = 0; repeat < 40; repeat++) {
    std::vector<std::thread> others;
    std::atomic<int> ready{0};
    std::vector<double> start(static_cast<size_t>(threads)), end(start), done(start);
    const auto work = [&](int n) {
      const auto i = static_cast<size_t>(n);
      ready++;
      while (ready < threads) {
      }
      start[i] = now();
      done[i] = round();
      end[i] = now();
    };
    for (int i = 1; i < threads; i++) others.emplace_back(work, i);
    work(0);
    for (std::thread& other : others) other.join();
    double operations = 0;
    for (const double one : done) operations += one;
    best = std::max(best, operations / (*std::max_element(end.begin(), end.end()) - *std::min_element(start.begin(), start.end())));
  }
  return best * 1e-9;
}

#if defined(__x86_64__)
#include <immintrin.h>
// As many as the latency takes; AVX2 has no more registers.
#define EACH_256(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define EACH_512(X) EACH_256(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19)
#define PEAK(name, target_, type, set, fma, operations)                         \
  __attribute__((target(target_))) double name() {                              \
    const auto a = set;                                                         \
    EACH_##type(DECLARE_##type)                                                        \
    for (int n = 0; n < 200000; n++) {                                          \
      EACH_##type(fma)                                                                 \
    }                                                                           \
    EACH_##type(KEEP)                                                                  \
    return 200000.0 * (type == 512 ? 20 : 12) * operations;                                          \
  }
#define DECLARE_256(i) __m256 c##i = _mm256_set1_ps(i);
#define DECLARE_512(i) __m512 c##i = _mm512_set1_ps(i);
#define KEEP(i) asm volatile("" : : "v"(c##i));
#define FMA_256(i) c##i = _mm256_fmadd_ps(a, a, c##i); asm volatile("" : "+v"(c##i));
#define FMA_512(i) c##i = _mm512_fmadd_ps(a, a, c##i); asm volatile("" : "+v"(c##i));
#define DOT_512(i) c##i = _mm512_dpbf16_ps(c##i, (__m512bh)a, (__m512bh)a); asm volatile("" : "+v"(c##i));
PEAK(avx2_peak, "avx2,fma", 256, _mm256_set1_ps(1e-3f), FMA_256, 16)
PEAK(avx512_peak, "avx512f", 512, _mm512_set1_ps(1e-3f), FMA_512, 32)
PEAK(bf16_peak, "avx512f,avx512bf16", 512, _mm512_set1_epi32(0x3a803a80), DOT_512, 64)
#elif defined(__aarch64__)
#define PEAK(name, target_, fma, operations)                                    \
  __attribute__((target(target_))) double name() {                              \
    using Vector = float __attribute__((vector_size(16)));                      \
    Vector a = {}, c[20] = {};                                                  \
    for (int n = 0; n < 200000; n++) {                                          \
      _Pragma("GCC unroll 20") for (Vector & one : c) asm volatile(fma : "+w"(one) : "w"(a)); \
    }                                                                           \
    return 200000.0 * 20 * operations;                                          \
  }
#if defined(__clang__)
#define ARCH(features, arch) features
#else
#define ARCH(features, arch) arch
#endif
PEAK(neon_peak, ARCH("neon", "arch=armv8-a"), "fmla %0.4s, %1.4s, %1.4s", 8)
PEAK(bf16_peak, ARCH("bf16", "arch=armv8.2-a+bf16"), "bfdot %0.4s, %1.8h, %1.8h", 16)
#endif

struct Peaks {
  double f32 = NAN, bf16 = NAN;
};

Peaks peaks_of(const std::string& isa, int threads) {
  Peaks peaks;
#if defined(__x86_64__)
  if (isa == "avx2") peaks.f32 = peak(threads, avx2_peak);
  if (isa.find("avx512") == 0) peaks.f32 = peak(threads, avx512_peak);
  peaks.bf16 = isa == "avx512_bf16" ? peak(threads, bf16_peak) : peaks.f32;
#elif defined(__aarch64__)
  peaks.f32 = peak(threads, neon_peak);
  peaks.bf16 = isa == "neon_bf16" ? peak(threads, bf16_peak) : peaks.f32;
#endif
  return peaks;
}

void bench(const std::string& isa, int threads, const Peaks& peaks, int64_t heads, int64_t kv_heads, int64_t tokens, int64_t dim,
           DType dtype, const char* name, int64_t before, int64_t after) {
  std::string why;
  const attention::Kernel& kernel = *attention::select_kernel(isa.c_str(), &why);
  const attention::Problem p{dtype, 1, heads, kv_heads, tokens, tokens, dim, dim, 1 / std::sqrt(static_cast<double>(dim)), 0};
  Array q(dtype, heads * tokens * dim), k(dtype, kv_heads * tokens * dim), v(dtype, kv_heads * tokens * dim);
  Array out(dtype, q.size()), d_out(dtype, q.size()), dq(dtype, q.size()), dk(dtype, k.size()), dv(dtype, k.size());
  Array sums(DType::kF32, heads * tokens);
  q.fill(1);
  k.fill(2);
  v.fill(3);
  d_out.fill(4);
  const auto words = harness::band(tokens, tokens, before, after);
  double pairs = 0;
  for (int64_t i = 0; i < tokens; i++) pairs += static_cast<double>(std::min(tokens, i + after + 1) - std::max<int64_t>(0, i - before));
  const double operations = 4.0 * static_cast<double>(dim * heads) * pairs;
  const attention::Inputs inputs{q.data(), k.data(), v.data(), nullptr, nullptr, nullptr, nullptr};
  const auto forward = [&] {
    attention::Operands operands{inputs, out.data(), static_cast<float*>(sums.data())};
    harness::run(*attention::forward_job(kernel, p, harness::mask_of(words, p), operands), threads);
  };
  const auto backward = [&] {
    attention::BackwardOperands operands{inputs,      out.data(), static_cast<float*>(sums.data()), d_out.data(), dq.data(), dk.data(),
                                         dv.data(), nullptr};
    harness::run(*attention::backward_job(kernel, p, harness::mask_of(words, p), operands, threads), threads);
  };
  std::vector<double> f, b;
  for (double start = now(); f.size() < 4 || (now() - start < 1 && f.size() < 50);) {
    const double t0 = now();
    forward();
    const double t1 = now();
    backward();
    const double t2 = now();
    f.push_back(t1 - t0);
    b.push_back(t2 - t1);
  }
  const double peak = (dtype == DType::kF32 ? peaks.f32 : peaks.bf16) * 1e9;
  const auto share = [&](double seconds, double times) { return 100 * times * operations / seconds / peak; };
  printf("%-11s %d thread%s %2d/%-2d x %-3d T %-6d %-4s %-7s forward %8.2f ms %5.1f %%   backward %8.2f ms %5.1f %%   both %5.1f %%\n", isa.c_str(),
         threads, threads > 1 ? "s" : " ", static_cast<int>(heads), static_cast<int>(kv_heads), static_cast<int>(dim), static_cast<int>(tokens),
         dtype == DType::kF32 ? "f32" : dtype == DType::kBF16 ? "bf16" : "f16", name, median(f) * 1e3, share(median(f), 1), median(b) * 1e3,
         share(median(b), 2.5), share(median(f) + median(b), 3.5));
  fflush(stdout);
}

// A few queries against a long cache: what counts is how fast keys and values are read.
void bench_decoding(const std::string& isa, int threads, int64_t queries) {
  std::string why;
  const attention::Kernel& kernel = *attention::select_kernel(isa.c_str(), &why);
  const int64_t heads = 32, kv_heads = 8, keys = 32768, dim = 128;
  const attention::Problem p{DType::kBF16, 1, heads, kv_heads, queries, keys, dim, dim, 1 / std::sqrt(static_cast<double>(dim)), 0};
  Array q(p.dtype, heads * queries * dim), k(p.dtype, kv_heads * keys * dim), v(p.dtype, k.size()), out(p.dtype, q.size());
  q.fill(1);
  k.fill(2);
  v.fill(3);
  const auto words = harness::band(queries, keys, queries + keys, keys);
  std::vector<double> seconds;
  for (int i = 0; i < 20; i++) {
    const double start = now();
    const attention::Operands operands{{q.data(), k.data(), v.data(), nullptr, nullptr, nullptr, nullptr}, out.data(), nullptr};
    harness::run(*attention::forward_job(kernel, p, harness::mask_of(words, p), operands), threads);
    seconds.push_back(now() - start);
  }
  const double bytes = 4.0 * static_cast<double>(kv_heads * keys * dim);
  printf("%-11s %d threads 32/8 x 128, %d queries, 32768 keys, bf16: %.2f ms, %.1f GB/s of keys and values\n", isa.c_str(), threads,
         static_cast<int>(queries), median(seconds) * 1e3, bytes / median(seconds) * 1e-9);
}

}  // namespace

int main(int count, char** arguments) {
  std::string why;
  const std::string isa = count > 6 ? arguments[6] : attention::kernel_names().front();
  if (!attention::select_kernel(isa.c_str(), &why)) {
    fprintf(stderr, "%s\n", why.c_str());
    return 1;
  }
  const int threads = count > 5 ? std::atoi(arguments[5]) : static_cast<int>(std::thread::hardware_concurrency());
  const Peaks peaks = peaks_of(isa, threads);
  printf("peak of %s on %d threads: f32 %.0f GFLOP/s, bf16 %.0f GFLOP/s\n", isa.c_str(), threads, peaks.f32, peaks.bf16);
  std::vector<std::vector<int64_t>> shapes = {{8, 8, 1024, 64}, {8, 8, 4096, 64}, {32, 8, 2048, 128}, {16, 2, 4096, 256}};
  if (count > 4) shapes = {{std::atoi(arguments[1]), std::atoi(arguments[2]), std::atoi(arguments[3]), std::atoi(arguments[4])}};
  for (const auto& shape : shapes)
    for (const DType dtype : {DType::kF32, DType::kBF16})
      for (const bool window : {false, true})
        bench(isa, threads, peaks, shape[0], shape[1], shape[2], shape[3], dtype, window ? "window" : "causal", window ? 1023 : shape[2], 0);
  for (const int64_t queries : {1, 4, 16}) bench_decoding(isa, threads, queries);
}
