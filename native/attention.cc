#include "attention.h"

#include <algorithm>

#include "attention_kernel.h"

namespace attention {
namespace {

struct Choice {
  const Kernel& kernel;
  bool (*supported)();
};

// Fastest first.
const Choice kChoices[] = {
#if defined(__x86_64__)
    {avx512_kernel,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl");
     }},
    {avx2_kernel, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
#endif
    {generic_kernel, [] { return true; }},
};

// Keys that rows [first, last] may attend to are [begin, end), with none where begin >= end.
struct KeyRange {
  int64_t begin, end;
};

KeyRange keys_of(const Problem& p, int64_t first, int64_t last) {
  return {std::max<int64_t>(0, first + p.band_low), std::min(p.keys, last + p.band_high + 1)};
}

}  // namespace

const Kernel* select_kernel(const char* isa, std::string* why) {
  const std::string wanted = isa ? isa : "";
  for (const Choice& choice : kChoices) {
    if (!wanted.empty() && wanted != choice.kernel.name) continue;
    if (choice.supported()) return &choice.kernel;
    if (!wanted.empty()) {
      *why = "an instruction set is one that this machine has; got " + wanted;
      return nullptr;
    }
  }
  std::string names;
  for (const Choice& choice : kChoices) names += (names.empty() ? "" : ", ") + std::string(choice.kernel.name);
  *why = "an instruction set is one of " + names + "; got " + wanted;
  return nullptr;
}

Forward::Forward(const Kernel& kernel, const Problem& problem, const Operands& operands)
    : kernel_(kernel),
      problem_(problem),
      operands_(operands),
      batch_heads_(problem.batch * problem.heads),
      blocks_((problem.queries + kQueryBlock - 1) / kQueryBlock) {
  // Beyond these ends a band changes no more, and sums with row numbers stay within 64 bits.
  problem_.band_low = std::clamp(problem.band_low, -problem.queries, problem.keys);
  problem_.band_high = std::clamp(problem.band_high, -problem.queries, problem.keys);
  const auto block_keys = [&](int64_t block) {
    const KeyRange range = keys_of(problem_, block * kQueryBlock, std::min((block + 1) * kQueryBlock, problem.queries) - 1);
    return range.end - range.begin;
  };
  last_block_first_ = blocks_ > 0 && block_keys(blocks_ - 1) > block_keys(0);
}

double Forward::flops() const {
  // Rows are counted by the block, from its middle one: this sizes the crowd that works, it is not a result.
  double pairs = 0;
  for (int64_t block = 0; block < blocks_; block++) {
    const int64_t first = block * kQueryBlock;
    const int64_t rows = std::min(kQueryBlock, problem_.queries - first);
    const KeyRange range = keys_of(problem_, first + rows / 2, first + rows / 2);
    pairs += static_cast<double>(std::max<int64_t>(0, range.end - range.begin) * rows);
  }
  return 2.0 * static_cast<double>(problem_.head_dim + problem_.value_dim) * static_cast<double>(batch_heads_) * pairs;
}

size_t Forward::scratch_bytes() const { return kernel_.scratch_bytes(problem_); }

void Forward::run(int64_t task, void* scratch) const {
  // By kv head, by block, by query head: threads at work at the same time read the same keys and values.
  const int64_t group = problem_.heads / problem_.kv_heads;
  const int64_t kv_head = task / (group * blocks_);
  const int64_t block = task / group % blocks_;
  const int64_t head = kv_head * group + task % group;
  kernel_.forward(problem_, operands_, head, (last_block_first_ ? blocks_ - 1 - block : block) * kQueryBlock, scratch);
}

}  // namespace attention
