// The attention kernel for any machine, in what its compiler takes for granted: vectors of four floats (SSE2, NEON).
#include "attention_kernel.h"

namespace attention {
namespace {

constexpr int kLanes = 4;
#if defined(__aarch64__)
constexpr int kRows = 8;  // 32 registers
#else
constexpr int kRows = 4;
#endif

#include "attention_kernel.inc"

}  // namespace

const Kernel generic_kernel = {"generic", scratch_bytes, forward};

}  // namespace attention
