// The attention kernel for any machine, in what its compiler takes for granted: vectors of four floats (SSE2, NEON).
#include "attention_kernel.h"

namespace attention {
namespace {

constexpr int kLanes = 4;
constexpr int kRows = 4;

#include "attention_kernel.inc"

}  // namespace

const Kernel generic_kernel = {"generic", scratch_bytes, forward};

}  // namespace attention
