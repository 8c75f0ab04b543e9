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

#include "attention_avx512_bf16.inc"

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
