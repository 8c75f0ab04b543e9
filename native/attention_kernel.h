// What an instruction set's kernel is to the jobs. The kernels share one body, attention_kernel.inc, and differ in the width of a vector,
// the shape of the register tile and whether the processor multiplies bf16. A file per instruction set compiles it under that set's target
// pragma: everything in the body has internal linkage, so that no copy of a shared inline function made of AVX-512 instructions is linked
// into code for older machines.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "attention.h"

namespace attention {

// Rows of a forward task, and as many as it has where there are kManyTasks of that size. Keys and values are read once for all of them, and
// bf16 widened or paired once, which for kQueryBlock rows is 7 % of the work at head_dim 256.
constexpr int64_t kQueryBlock = 128, kTaskRows = 256;

// Keys between two looks at the running maximum: their scores fit the first cache.
constexpr int64_t kKeyBlock = 128;

// Keys of a task of the backward pass, which with their gradients fit the second cache, and the queries that they meet at a time.
constexpr int64_t kBackwardKeys = 128, kBackwardQueries = 64;

constexpr double kLog2E = 1.44269504088896340736;

// Queries [first_query, first_query + queries) of `heads` heads from `head` on, an index into batch * heads, and the keys they are to meet.
// At most kTaskRows rows, each head's counted as whole register tiles; or all queries of heads_per_tile heads in a tile.
struct ForwardTask {
  int64_t head, heads, heads_per_tile;
  int64_t first_query, queries;
  Keys keys;
};

// A block of a head's queries that meets a block of keys.
struct Visit {
  int64_t head, first_query, queries;
  Keys keys;
  const float *delta, *log_sum_exp2;  // of its first query, from `prepare`
};

struct Kernel {
  const char* name;
  int64_t width;  // rows of a register tile of the forward pass

  // What a task knows of its rows is `state`; of tasks for the same rows and other keys, `finish` puts their states, one after the other,
  // together and writes the outputs.
  size_t (*forward_state_floats)(const Problem& problem, const ForwardTask& task);
  size_t (*forward_scratch_bytes)(const Problem& problem);
  void (*forward)(const Problem& problem, const View& view, const Operands& operands, const ForwardTask& task, float* state, void* scratch);
  void (*finish)(const Problem& problem, const Operands& operands, const ForwardTask& task, float* state, int64_t states);

  // attention_backward.inc has what they do. Between begin_keys and end_keys of some keys come, with the same scratch, visits, and after
  // each its add_dq.
  void (*prepare)(const Problem& problem, const BackwardOperands& operands, int64_t first, int64_t count, float* delta, float* log_sum_exp2);
  size_t (*backward_scratch_bytes)(const Problem& problem);
  size_t (*dq_stride)(const Problem& problem);
  void (*begin_keys)(const Problem& problem, const BackwardOperands& operands, int64_t kv_head, Keys keys, void* scratch);
  void (*visit)(const Problem& problem, const View& view, const BackwardOperands& operands, const Visit& visit, void* scratch);
  void (*add_dq)(const Problem& problem, const BackwardOperands& operands, const Visit& visit, float* dq, bool is_first, bool is_last,
                 void* scratch);
  void (*end_keys)(const Problem& problem, const BackwardOperands& operands, int64_t kv_head, Keys keys, void* scratch);
};

// AMX needs a compiler that knows it (GCC 11, Clang 11), and is Linux's to allow.
#if defined(__x86_64__) && defined(__linux__) && (__has_include(<amxbf16intrin.h>) || __has_include(<amxintrin.h>))
#define ATTENTION_AMX
#endif

extern const Kernel generic_kernel;
#ifdef ATTENTION_AMX
extern const Kernel avx512_amx_kernel;
#endif
#if defined(__x86_64__)
extern const Kernel avx2_kernel;
extern const Kernel avx512_kernel;
extern const Kernel avx512_bf16_kernel;
#elif defined(__aarch64__)
extern const Kernel neon_bf16_kernel;
#endif

// Memory aligned as a scratch is. Throws std::bad_alloc.
struct Free {
  void operator()(void* memory) const { ::operator delete[](memory, std::align_val_t(Job::kScratchAlignment)); }
};
using Memory = std::unique_ptr<void, Free>;
inline Memory memory_of(size_t bytes) { return Memory(::operator new[](bytes, std::align_val_t(Job::kScratchAlignment))); }

// A mask, what it asks for at run time, and views of it.
class Sight {
 public:
  Sight(const Problem& problem, Mask mask, const Inputs& inputs);
  View view(int64_t sequence, const Plane& plane) const;
  // Of a head, an index into batch * heads.
  View view_of(int64_t head) const { return view(head / problem_.heads, mask_.plane(head % problem_.heads)); }
  const Mask& mask() const { return mask_; }
  bool differs_by_sequence() const { return mask_.has_segments || mask_.has_lengths; }

 private:
  Problem problem_;
  Mask mask_;
  Inputs inputs_;
  std::vector<IdPyramid> kv_ids_;  // of each sequence, where the mask has segments
};

}  // namespace attention
