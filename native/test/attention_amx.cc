// The kernel of AMX on any machine, its tile operations emulated.
#define ATTENTION_HAS_BF16
#define ATTENTION_HAS_TILES
#define ATTENTION_EMULATE_AMX
#include "../attention_kernel.h"

namespace attention {
namespace {

constexpr int kLanes = 16, kVectors = 2, kRows = 8;

#include "../attention_simd.inc"

constexpr bool kPairs = true;
ATTENTION_INLINE Floats dot_pairs(Floats sum, Bits a, Bits b) { return dot_of_halves(sum, a, b); }
ATTENTION_INLINE Bits pair_of(Floats first, Floats second) { return pair_of_halves(first, second); }
ATTENTION_INLINE Halves bf16_of(Floats x) { return bf16_of_bits(x); }

#include "../attention_amx.inc"

#include "../attention_kernel.inc"

}  // namespace

extern const Kernel amx_emulated_kernel;
const Kernel amx_emulated_kernel = kernel_named("amx_emulated");

}  // namespace attention
