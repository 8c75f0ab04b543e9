// A kernel with the arithmetic of pairs of bf16 on any machine: that of processors which have it, tested where there is none.
#define ATTENTION_HAS_BF16
#include "../attention_kernel.h"

namespace attention {
namespace {

constexpr int kLanes = 4, kVectors = 2, kRows = 8;

#include "../attention_simd.inc"

constexpr bool kPairs = true;
ATTENTION_INLINE Floats dot_pairs(Floats sum, Bits a, Bits b) { return dot_of_halves(sum, a, b); }
ATTENTION_INLINE Bits pair_of(Floats first, Floats second) { return pair_of_halves(first, second); }
ATTENTION_INLINE Halves bf16_of(Floats x) { return bf16_of_bits(x); }

#include "../attention_kernel.inc"

}  // namespace

extern const Kernel paired_kernel;
const Kernel paired_kernel = kernel_named("paired");

}  // namespace attention
