// The attention kernel for AVX2 and FMA; nothing elsewhere than on x86-64.
#include "attention_kernel.h"

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace attention {
namespace {

constexpr int kLanes = 8, kVectors = 2, kRows = 6;

#include "attention_simd.inc"

#include "attention_kernel.inc"

}  // namespace

const Kernel avx2_kernel = kernel_named("avx2");

}  // namespace attention

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
