#include "attention.h"

#include <algorithm>
#include <utility>

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

Forward::Forward(const Kernel& kernel, const Problem& problem, Mask mask, const Operands& operands)
    : kernel_(kernel), problem_(problem), mask_(std::move(mask)), operands_(operands) {
  const Problem& p = problem_;
  if (mask_.has_segments)
    for (int64_t n = 0; n < p.batch; n++) kv_ids_.emplace_back(operands_.kv_segments + n * p.keys, p.keys);

  // Pairs of a block's rows with the keys that some of them attend to, by plane and block, of one sequence.
  std::vector<std::vector<int64_t>> pairs(mask_.planes.size());
  const auto count_pairs = [&](int64_t sequence) {
    for (size_t plane = 0; plane < pairs.size(); plane++) {
      const View view = this->view(sequence, mask_.planes[plane]);
      pairs[plane].clear();
      for (int64_t first = 0; first < p.queries; first += kQueryBlock) {
        const Rows rows = view.rows(first, std::min(first + kQueryBlock, p.queries) - 1);
        int64_t keys = 0;
        for (Keys run = view.next(rows, 0); run.begin < p.keys; run = view.next(rows, run.end)) keys += run.end - run.begin;
        pairs[plane].push_back(keys * (rows.last + 1 - rows.first));
      }
    }
  };

  // By kv head, and there the longest first, by block and query head: threads at work at the same time read the same keys and values.
  const int64_t group = p.kv_heads ? p.heads / p.kv_heads : 0;
  const int64_t blocks = (p.queries + kQueryBlock - 1) / kQueryBlock;
  tasks_.reserve(static_cast<size_t>(p.batch * p.heads * blocks));
  for (int64_t kv_head = 0; kv_head < p.batch * p.kv_heads; kv_head++) {
    const bool is_first = kv_head == 0, is_first_of_sequence = kv_head % p.kv_heads == 0;
    if (is_first || (is_first_of_sequence && (mask_.has_segments || mask_.has_lengths))) count_pairs(kv_head / p.kv_heads);
    const auto start = tasks_.end();
    for (int64_t block = 0; block < blocks; block++)
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; head++)
        tasks_.push_back({head, block * kQueryBlock, pairs[mask_.plane_number(head % p.heads)][static_cast<size_t>(block)]});
    std::stable_sort(start, tasks_.end(), [](const Task& a, const Task& b) { return a.pairs > b.pairs; });
  }
  for (const Task& task : tasks_) flops_ += 2.0 * static_cast<double>(p.head_dim + p.value_dim) * static_cast<double>(task.pairs);
}

View Forward::view(int64_t sequence, const Plane& plane) const {
  View view{&plane, problem_.keys, problem_.keys, nullptr, nullptr, nullptr};
  if (mask_.has_lengths) view.length = std::clamp<int64_t>(operands_.key_lengths[sequence], 0, problem_.keys);
  if (mask_.has_segments) {
    view.q_segments = operands_.q_segments + sequence * problem_.queries;
    view.kv_segments = operands_.kv_segments + sequence * problem_.keys;
    view.kv_ids = &kv_ids_[static_cast<size_t>(sequence)];
  }
  return view;
}

size_t Forward::scratch_bytes() const { return kernel_.scratch_bytes(problem_); }

void Forward::run(int64_t task, void* scratch) const {
  const Task& t = tasks_[static_cast<size_t>(task)];
  const View sees = view(t.head / problem_.heads, mask_.plane(t.head % problem_.heads));
  kernel_.forward(problem_, sees, operands_, t.head, t.first_query, scratch);
}

}  // namespace attention
