// The attention kernel for AVX-512 with bf16 and AMX, whose tiles multiply 16 x 32 by 32 x 16 bf16 at a time; nothing elsewhere than on
// x86-64 Linux with a compiler that knows them. Where there is no AMX its tests emulate the tile operations (native/test/attention_amx.cc).
#include "attention_kernel.h"

#ifdef ATTENTION_AMX
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")
#endif

namespace attention {
namespace {

constexpr int kLanes = 16, kVectors = 2, kRows = 8;

#define ATTENTION_AVX512
#define ATTENTION_HAS_BF16
#define ATTENTION_HAS_TILES
#include "attention_simd.inc"

#include "attention_avx512_bf16.inc"

#include "attention_amx.inc"

#include "attention_kernel.inc"

}  // namespace

const Kernel avx512_amx_kernel = kernel_named("avx512_amx");

}  // namespace attention

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
