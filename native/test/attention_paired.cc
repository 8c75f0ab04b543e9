// A kernel with the arithmetic of pairs of bf16 on any machine: that of processors which have it, tested where there is none.
#define ATTENTION_EMULATE_BF16
#include "../attention_kernel.h"

namespace attention {
namespace {

constexpr int kLanes = 4, kVectors = 2, kRows = 8;

#include "../attention_simd.inc"

#include "../attention_kernel.inc"

}  // namespace

extern const Kernel paired_kernel;
const Kernel paired_kernel = kernel_named("paired");

}  // namespace attention
