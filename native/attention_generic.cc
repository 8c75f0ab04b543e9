// The attention kernel for any machine: vectors of four floats (SSE of x86-64-v2, NEON).
#include "attention_kernel.h"

#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v2")
#endif

namespace attention {
namespace {

constexpr int kLanes = 4;
#if defined(__aarch64__)
constexpr int kVectors = 2, kRows = 8;  // 32 registers
#else
constexpr int kVectors = 2, kRows = 4;
#endif

#include "attention_simd.inc"

#include "attention_kernel.inc"

}  // namespace

const Kernel generic_kernel = kernel_named("generic");

}  // namespace attention

#if defined(__x86_64__) && !defined(__clang__)
#pragma GCC pop_options
#endif
