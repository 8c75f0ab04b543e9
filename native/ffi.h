// This addon's kernels as custom calls of a plugin's programs, through XLA's foreign function interface (FFI).
//
//   stablehlo.custom_call @node_pjrt_attention(%q, %k, %v) {api_version = 4 : i32, backend_config = {scale = 0.0625 : f64,
//     soft_cap = 0.0 : f64, threads = 0 : i64, planes = array<i64: 1, 1, 1, 1, 0, -1, -1, 1, 0, 128, 1, 0, 0, 1, 1>,
//     head_planes = array<i64: 0>}}
//
// q [batch, heads, queries, head dim], k [batch, kv heads, keys, head dim] and v [batch, kv heads, keys, value dim] are f32, bf16 or f16
// alike. The results are out [batch, heads, queries, value dim] of the same dtype and, where a second one is asked for, the scores'
// log-sum-exp [batch, heads, queries] in f32. A soft_cap of 0 is none; `threads` is the most that the call takes, 0 for one a core. See
// attention.h.
//
// node_pjrt_attention_backward has the same operands and attributes, and after them out, log-sum-exp and the gradient of out; its results
// are the gradients of q, k and v and, where there are sinks, theirs.
//
// `planes` is the mask in closed form (here causal, of 128 queries and as many keys): how many planes, and for each of them
//   modulus, how many parts, and for each of them
//     how many residues, the residues, segments, lengths, how many strips, and for each of them
//       start, end, how many intervals, and for each of them
//         low slope, low base, high slope, high base.
// Query i may attend to key j where this holds of one part: (j - i) mod modulus, 0 or more, is one of its residues, which ascend; segments
// is -1, or 1 where q_segments[b, i] == kv_segments[b, j] and 0 elsewhere; lengths is -1, or 1 where j < key_lengths[b] and 0 elsewhere;
// and the strip that has row i, start <= i < end, has an interval with low slope * i + low base <= j < high slope * i + high base. A
// part's strips are in order and have all rows, a strip's intervals are in order, disjoint, within the keys and empty in no row; slopes
// are 0 or 1. The conditions of two parts of a plane exclude each other. `head_planes` is the number of each query head's plane, or one
// number for all.
//
// After v come, if some part's segments is not -1, q_segments [batch, queries] and kv_segments [batch, keys], then, if some part's lengths
// is not -1, key_lengths [batch], all i32, and then f32 sinks [heads], if there are any.
//
// The environment variable NODE_PJRT_ISA, the name of a kernel of attention.cc, read at each call, takes the place of the choice by processor.
#pragma once

#include <string>

#include "pjrt_c_api.h"

struct XLA_FFI_Api;

// node_pjrt_callback calls JavaScript: see callback.h.

// The only platform of the CPU plugin, under one of its names.
constexpr char kFfiPlatform[] = "Host";

// Registers the handlers with a plugin that has the FFI extension; a plugin without it is left as it is. Returns "" or why it failed. To
// be called once a plugin is initialised; again is harmless. The plugin's registry is global to the process and for ever, and of two
// handlers by one name the first stays: so the library this code is in must never be unloaded. `functions` are then the plugin's own, for
// handlers; null where it has none.
std::string register_ffi_handlers(const PJRT_Api* api, const XLA_FFI_Api** functions);
