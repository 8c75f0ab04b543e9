// What an instruction set's kernel is to attention.cc. The kernels share one body, attention_kernel.inc, and differ in the width of a
// vector and the shape of the register tile. A file per instruction set compiles it under that set's target pragma: everything in the body
// has internal linkage, so that no copy of a shared inline function made of AVX-512 instructions is linked into code for older machines.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "attention.h"

namespace attention {

// Queries of a task. Keys and values are read once for all of them, and bf16 widened once: at 128 the arithmetic hides that (64 is 4 %
// slower at head_dim 256; 256 no faster), and enough tasks are left for many cores.
constexpr int64_t kQueryBlock = 128;

// Keys between two looks at the running maximum: their scores fit the first cache.
constexpr int64_t kKeyBlock = 64;

struct Kernel {
  const char* name;
  size_t (*scratch_bytes)(const Problem& problem);
  // Rows [first_query, min(first_query + kQueryBlock, queries)) of `head`, an index into batch * heads, which sees `view`.
  void (*forward)(const Problem& problem, const View& view, const Operands& operands, int64_t head, int64_t first_query, void* scratch);
};

extern const Kernel generic_kernel;
#if defined(__x86_64__)
extern const Kernel avx2_kernel;
extern const Kernel avx512_kernel;
#endif

}  // namespace attention
