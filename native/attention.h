// Attention on this machine's cores: softmax(scale q k^T) v over a band of allowed pairs, blocked with an online softmax, so that memory
// and work follow the band and nothing of size queries x keys exists. Knows neither Node nor PJRT nor XLA, starts no thread and
// allocates nothing: the caller spreads `tasks()` over its threads and lends each a scratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace attention {

enum class DType { kF32, kBF16 };

// What to compute. Query row i attends to key j where i + band_low <= j <= i + band_high; any two numbers are a band, an empty one too.
struct Problem {
  DType dtype;
  int64_t batch, heads, kv_heads;  // heads is a multiple of kv_heads; query head h reads kv head h / (heads / kv_heads)
  int64_t queries, keys;
  int64_t head_dim, value_dim;
  double scale;  // on q.k
  int64_t band_low, band_high;
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
};

// One instruction set's kernel.
struct Kernel;

// The kernel for this machine, or the one that `isa` names: generic, avx2, avx512. Null or "" is the fastest. Returns null where the
// name is none of these or the machine lacks it, and says so in `*why`.
const Kernel* select_kernel(const char* isa, std::string* why);

// The forward pass, cut into tasks that may run in any order and at the same time; in the order of their numbers the long ones go first.
class Forward {
 public:
  Forward(const Kernel& kernel, const Problem& problem, const Operands& operands);

  int64_t tasks() const { return batch_heads_ * blocks_; }
  // Floating-point operations of the matrix products over the allowed pairs, 2 (head_dim + value_dim) a pair.
  double flops() const;
  // Bytes that `run` writes to on the way; aligned to kScratchAlignment. A few hundred KiB at head_dim 256; it does not grow with T.
  size_t scratch_bytes() const;
  void run(int64_t task, void* scratch) const;

  static constexpr size_t kScratchAlignment = 64;

 private:
  const Kernel& kernel_;
  Problem problem_;
  Operands operands_;
  int64_t batch_heads_;
  int64_t blocks_;
  bool last_block_first_;
};

}  // namespace attention
