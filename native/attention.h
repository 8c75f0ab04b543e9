// Attention on this machine's cores: softmax(scale q k^T) v over the pairs that a mask allows, blocked with an online softmax, so that
// memory and work follow the mask and nothing of size queries x keys exists. Knows neither Node nor PJRT nor XLA and starts no thread: the
// caller spreads `tasks()` over its threads and lends each a scratch; a task allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "attention_mask.h"

namespace attention {

enum class DType { kF32, kBF16 };

// What to compute.
struct Problem {
  DType dtype;
  int64_t batch, heads, kv_heads;  // heads is a multiple of kv_heads; query head h reads kv head h / (heads / kv_heads)
  int64_t queries, keys;
  int64_t head_dim, value_dim;
  double scale;  // on q.k
};

// Arithmetic is f32 throughout (bf16 is widened, `out` rounded to nearest even), of scores below 2^-125 of a row's largest there is no
// weight. NaN and infinity in q, k or v reach the rows that attend to them and no other. A row all of whose scores are -inf counts as one
// that attends to nothing.

// Dense row-major arrays of the problem's dtype; `log_sum_exp` is f32, may be null.
struct Operands {
  const void* q;  // [batch, heads, queries, head_dim]
  const void* k;  // [batch, kv_heads, keys, head_dim]
  const void* v;  // [batch, kv_heads, keys, value_dim]
  void* out;      // [batch, heads, queries, value_dim]
  // [batch, heads, queries], natural logarithm. A row that may attend to nothing has -inf here and zeros in `out`.
  float* log_sum_exp;
  // What the mask asks for; null where it has no segments or no lengths. A length counts as the nearest one from 0 to keys.
  const int32_t* q_segments;   // [batch, queries]
  const int32_t* kv_segments;  // [batch, keys]
  const int32_t* key_lengths;  // [batch]
};

// One instruction set's kernel.
struct Kernel;

// The kernel for this machine, or the one that `isa` names: generic, avx2, avx512. Null or "" is the fastest. Returns null where the
// name is none of these or the machine lacks it, and says so in `*why`.
const Kernel* select_kernel(const char* isa, std::string* why);

// The forward pass, cut into tasks that may run in any order and at the same time; in the order of their numbers the long ones of the
// heads that share keys and values go first.
class Forward {
 public:
  Forward(const Kernel& kernel, const Problem& problem, Mask mask, const Operands& operands);

  int64_t tasks() const { return static_cast<int64_t>(tasks_.size()); }
  // Floating-point operations of the matrix products, 2 (head_dim + value_dim) a pair, over the keys that a task's rows attend to.
  double flops() const { return flops_; }
  // Bytes that `run` writes to on the way; aligned to kScratchAlignment. A few hundred KiB at head_dim 256; it does not grow with T.
  size_t scratch_bytes() const;
  void run(int64_t task, void* scratch) const;

  static constexpr size_t kScratchAlignment = 64;

 private:
  // Rows of `head`, an index into batch * heads, from `first_query` on.
  struct Task {
    int64_t head, first_query;
    int64_t pairs;
  };

  View view(int64_t sequence, const Plane& plane) const;

  const Kernel& kernel_;
  Problem problem_;
  Mask mask_;
  Operands operands_;
  std::vector<IdPyramid> kv_ids_;  // of each sequence, where the mask has segments
  std::vector<Task> tasks_;
  double flops_ = 0;
};

}  // namespace attention
