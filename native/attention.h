// Attention and its gradients on this machine's cores: softmax(scale q k^T) v over the pairs that a mask allows, blocked with an online
// softmax, so that memory and work follow the mask and nothing of size queries x keys exists. Knows neither Node nor PJRT nor XLA and starts
// no thread: the caller spreads a job's tasks over its threads and lends each a scratch.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "attention_mask.h"

namespace attention {

enum class DType { kF32, kBF16, kF16 };

// What to compute.
struct Problem {
  DType dtype;
  int64_t batch, heads, kv_heads;  // heads is a multiple of kv_heads; query head h reads kv head h / (heads / kv_heads)
  int64_t queries, keys;
  int64_t head_dim, value_dim;
  double scale;     // on q.k
  double soft_cap;  // scores become soft_cap * tanh(score / soft_cap); none where it is 0
};

// Sums and the softmax are f32 throughout. Products of bf16 are f32 too, but where the processor has products of pairs of bf16: there the
// weights, and in the backward pass the gradients by the scores, are rounded to bf16 before they meet v, q or k. A score below 2^-125 of a
// row's largest has no weight. NaN and infinity in an input reach the rows that attend to them and no other. A row all of whose scores are
// -inf counts as one that attends to nothing.

// Dense row-major arrays; of the problem's dtype where no other is named.
struct Inputs {
  const void* q;  // [batch, heads, queries, head_dim]
  const void* k;  // [batch, kv_heads, keys, head_dim]
  const void* v;  // [batch, kv_heads, keys, value_dim]
  // What the mask asks for; null where it has no segments or no lengths. A length counts as the nearest one from 0 to keys.
  const int32_t* q_segments;   // [batch, queries]
  const int32_t* kv_segments;  // [batch, keys]
  const int32_t* key_lengths;  // [batch]
  const float* sinks;          // [heads], logits that take their share of the softmax and have no value; may be null
};

struct Operands : Inputs {
  void* out;  // [batch, heads, queries, value_dim]
  // f32 [batch, heads, queries], natural logarithm, the sink included; may be null. A row that may attend to nothing has -inf here, or its
  // sink, and zeros in `out`.
  float* log_sum_exp;
};

struct BackwardOperands : Inputs {
  const void* out;           // the forward pass's
  const float* log_sum_exp;  // likewise
  const void* d_out;         // [batch, heads, queries, value_dim]
  void *dq, *dk, *dv;        // of the shapes of q, k and v
  float* d_sinks;            // [heads]; null where there are no sinks
};

// One instruction set's kernel.
struct Kernel;

// The kernel for this machine, or the one that `isa` names. Null or "" is the fastest. Returns null where the name is none or the machine
// lacks it, and says so in `*why`.
const Kernel* select_kernel(const char* isa, std::string* why);

// The one that the environment variable NODE_PJRT_ISA names. Throws std::invalid_argument where select_kernel has a reason.
const Kernel& chosen_kernel();

const char* name_of(const Kernel& kernel);

// Names of those that this machine has, fastest first.
std::vector<std::string> kernel_names();

// Work in phases, one after the other; the tasks of a phase are to be started in the order of their numbers, and may run at the same time.
// What comes out is the same to the bit however many threads there are.
class Job {
 public:
  virtual ~Job() = default;
  virtual int phases() const = 0;
  virtual int64_t tasks(int phase) const = 0;
  // Floating-point operations of the matrix products, of the keys that a task's rows attend to.
  virtual double flops() const = 0;
  // Bytes that `run` writes to on the way; aligned to kScratchAlignment. They do not grow with T.
  virtual size_t scratch_bytes() const = 0;
  virtual void run(int phase, int64_t task, void* scratch) = 0;

  static constexpr size_t kScratchAlignment = 64;
};

// `threads` is how many there may be at the same time: of the backward pass's memory, some grows with it. Both throw std::bad_alloc.
std::unique_ptr<Job> forward_job(const Kernel& kernel, const Problem& problem, Mask mask, const Operands& operands);
std::unique_ptr<Job> backward_job(const Kernel& kernel, const Problem& problem, Mask mask, const BackwardOperands& operands, int threads);

}  // namespace attention
