// The kernel of AMX on any machine, its tile operations emulated.
#define ATTENTION_EMULATE_BF16
#define ATTENTION_HAS_TILES
#define ATTENTION_EMULATE_AMX
#include "../attention_kernel.h"

namespace attention {
namespace {

constexpr int kLanes = 16, kVectors = 2, kRows = 8;

#include "../attention_simd.inc"

#include "../attention_amx.inc"

#include "../attention_kernel.inc"

}  // namespace

extern const Kernel amx_emulated_kernel;
const Kernel amx_emulated_kernel = kernel_named("amx_emulated");

}  // namespace attention
