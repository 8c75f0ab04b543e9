// The attention kernel for AVX-512 with its products of bf16 pairs; nothing elsewhere than on x86-64.
#include "attention_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")
#endif

namespace attention {
namespace {

constexpr int kLanes = 16, kVectors = 2, kRows = 8;

#define ATTENTION_AVX512
#define ATTENTION_HAS_BF16
#include "attention_simd.inc"

constexpr bool kPairs = true;
ATTENTION_INLINE Floats dot_pairs(Floats sum, Bits a, Bits b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
ATTENTION_INLINE Halves bf16_of(Floats x) { return reinterpret_cast<Halves>(_mm512_cvtneps_pbh(x)); }
ATTENTION_INLINE Bits pair_of(Floats first, Floats second) {
  alignas(64) static const uint16_t turns[32] = {0,  16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                 8,  24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const auto halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
  return reinterpret_cast<Bits>(_mm512_permutexvar_epi16(_mm512_load_si512(turns), halves));
}

#include "attention_kernel.inc"

}  // namespace

const Kernel avx512_bf16_kernel = kernel_named("avx512_bf16");

}  // namespace attention

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
