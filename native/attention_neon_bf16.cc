// The attention kernel for NEON with its products of bf16 pairs; nothing elsewhere than on aarch64.
#include "attention_kernel.h"

#if defined(__aarch64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("bf16"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+bf16")
#endif

namespace attention {
namespace {

constexpr int kLanes = 4, kVectors = 2, kRows = 8;

#define ATTENTION_HAS_BF16
#include "attention_simd.inc"

// In assembly: Clang before 16 has the intrinsics only where a flag asks for bf16 in the whole file. What is known to be one pair in every
// lane is taken from the first one, and so never spread over a vector.
ATTENTION_INLINE Floats dot_pairs(Floats sum, Bits a, Bits b) {
  const bool is_one = a[0] == a[1] && a[0] == a[2] && a[0] == a[3];
  if (__builtin_constant_p(is_one) && is_one)
    asm("bfdot %0.4s, %1.8h, %2.2h[0]" : "+w"(sum) : "w"(b), "w"(a[0]));
  else
    asm("bfdot %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(a), "w"(b));
  return sum;
}
ATTENTION_INLINE Halves bf16_of(Floats x) {
  Halves halves;
  asm("bfcvtn %0.4h, %1.4s" : "=w"(halves) : "w"(x));
  return halves;
}
ATTENTION_INLINE Bits pair_of(Floats first, Floats second) {
  return reinterpret_cast<Bits>(__builtin_shufflevector(bf16_of(first), bf16_of(second), 0, 4, 1, 5, 2, 6, 3, 7));
}

#include "attention_kernel.inc"

}  // namespace

const Kernel neon_bf16_kernel = kernel_named("neon_bf16");

}  // namespace attention

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
