// This addon's kernels as custom calls of a plugin's programs, through XLA's foreign function interface (FFI).
//
//   stablehlo.custom_call @node_pjrt_attention(%q, %k, %v) {api_version = 4 : i32,
//     backend_config = {scale = 0.0625 : f64, band_low = -4611686018427387904 : i64, band_high = 0 : i64}}
//
// q [batch, heads, queries, head dim], k [batch, kv heads, keys, head dim] and v [batch, kv heads, keys, value dim] are f32 or bf16 alike.
// Query i attends to key j where i + band_low <= j <= i + band_high. The results are out [batch, heads, queries, value dim] of the same
// dtype and, where a second one is asked for, the scores' log-sum-exp [batch, heads, queries] in f32. See attention.h.
//
// The environment variable NODE_PJRT_ISA = generic | avx2 | avx512, read at each call, takes the place of the choice by processor.
#pragma once

#include <string>

#include "pjrt_c_api.h"

// Registers the handlers with a plugin that has the FFI extension; a plugin without it is left as it is. Returns "" or why it failed. To
// be called once a plugin is initialised; again is harmless. The plugin's registry is global to the process and for ever, and of two
// handlers by one name the first stays: so the library this code is in must never be unloaded.
std::string register_ffi_handlers(const PJRT_Api* api);
