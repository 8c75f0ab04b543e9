// The backward pass as a job: first what rows need of the forward pass, then blocks of keys, which take each query's block in turn.
#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "attention_kernel.h"

namespace attention {
namespace {

// Memory of one call after the other: fresh pages cost as much as a short attention. One piece is kept, and none past kMost.
class Kept {
 public:
  static constexpr size_t kMost = size_t{256} << 20;

  explicit Kept(size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex());
      std::swap(memory_, spare().memory);
      std::swap(had_, spare().bytes);
    }
    if (had_ >= bytes) return;
    memory_.reset();
    memory_ = memory_of(bytes);
    had_ = bytes;
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    if (had_ > kMost) return;
    std::lock_guard<std::mutex> lock(mutex());
    if (had_ <= spare().bytes) return;
    std::swap(memory_, spare().memory);
    std::swap(had_, spare().bytes);
  }
  void* at() const { return memory_.get(); }

 private:
  struct Spare {
    Memory memory;
    size_t bytes = 0;
  };
  // Never destroyed: a call may outlive what exits first.
  static Spare& spare() {
    static Spare* one = new Spare;
    return *one;
  }
  static std::mutex& mutex() {
    static std::mutex* one = new std::mutex;
    return *one;
  }

  size_t had_ = 0;
  Memory memory_;
};

// Waits for what another thread does soon: it was started before, so it is at work.
template <typename Done>
void wait_for(const Done& done) {
  for (int turn = 0; !done(); turn++) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (turn > 1000) std::this_thread::yield();
  }
}

class Backward final : public Job {
 public:
  Backward(const Kernel& kernel, const Problem& problem, Mask mask, const BackwardOperands& operands, int threads)
      : kernel_(kernel), problem_(problem), operands_(operands), sight_(problem, std::move(mask), operands) {
    plan(threads);
  }

  int phases() const override { return 3; }
  int64_t tasks(int phase) const override {
    const Problem& p = problem_;
    if (phase == 0) return p.batch * p.heads * rows_tasks_;
    if (phase == 1) return p.batch * p.kv_heads * key_blocks_;
    return operands_.d_sinks ? 1 : 0;
  }
  double flops() const override { return flops_; }
  size_t scratch_bytes() const override { return kernel_.backward_scratch_bytes(problem_); }

  void run(int phase, int64_t task, void* scratch) override {
    if (phase == 0) return prepare(task);
    if (phase == 1) return keys(task, scratch);
    sum_sinks();
  }

 private:
  // Blocks of queries [begin, end).
  struct Blocks {
    int64_t begin, end;
  };
  // Of a plane as a sequence sees it: the blocks of queries that each block of keys visits, and for each block of queries the first block
  // of keys that does, or key_blocks_.
  struct Visits {
    std::vector<std::vector<Blocks>> of_keys;
    std::vector<int32_t> first;
  };

  static constexpr int64_t kRowsTask = 4 * kBackwardQueries;

  int64_t queries_of(int64_t block) const { return std::min(kBackwardQueries, problem_.queries - block * kBackwardQueries); }

  Rows rows_of(const View& view, int64_t block) const {
    const int64_t first = block * kBackwardQueries;
    return view.rows(first, first + queries_of(block) - 1);
  }

  // The first block of keys from `block` on that some of the rows may attend to.
  int64_t next_keys(const View& view, const Rows& rows, int64_t block) const {
    if (block >= key_blocks_) return key_blocks_;
    const Keys run = view.next(rows, block * kBackwardKeys);
    return run.begin >= problem_.keys ? key_blocks_ : run.begin / kBackwardKeys;
  }

  const Visits& visits_of(int64_t head) const {
    const size_t planes = sight_.mask().planes.size(), plane = sight_.mask().plane_number(head % problem_.heads);
    const auto sequence = static_cast<size_t>(sight_.differs_by_sequence() ? head / problem_.heads : 0);
    return visits_[sequence * planes + plane];
  }

  void plan(int threads) {
    const Problem& p = problem_;
    key_blocks_ = (p.keys + kBackwardKeys - 1) / kBackwardKeys;
    query_blocks_ = (p.queries + kBackwardQueries - 1) / kBackwardQueries;
    rows_tasks_ = (p.queries + kRowsTask - 1) / kRowsTask;
    const int64_t heads = p.batch * p.heads, rows = heads * p.queries;
    if (heads == 0) return;

    std::vector<double> pairs;
    const int64_t sequences = sight_.differs_by_sequence() ? p.batch : 1;
    for (int64_t sequence = 0; sequence < sequences; sequence++)
      for (const Plane& plane : sight_.mask().planes) {
        const View view = sight_.view(sequence, plane);
        Visits visits{std::vector<std::vector<Blocks>>(static_cast<size_t>(key_blocks_)), {}};
        double count = 0;
        for (int64_t block = 0; block < query_blocks_; block++) {
          const Rows of = rows_of(view, block);
          int64_t last = -1;
          visits.first.push_back(static_cast<int32_t>(next_keys(view, of, 0)));
          for (Keys run = view.next(of, 0); run.begin < p.keys; run = view.next(of, run.end)) {
            count += static_cast<double>(run.end - run.begin) * static_cast<double>(of.last + 1 - of.first);
            for (int64_t n = std::max(last + 1, run.begin / kBackwardKeys); n <= (run.end - 1) / kBackwardKeys; n++) {
              std::vector<Blocks>& ranges = visits.of_keys[static_cast<size_t>(n)];
              if (!ranges.empty() && ranges.back().end == block)
                ranges.back().end++;
              else
                ranges.push_back({block, block + 1});
              last = n;
            }
          }
        }
        visits_.push_back(std::move(visits));
        pairs.push_back(count);
      }
    for (int64_t head = 0; head < heads; head++) {
      const size_t planes = sight_.mask().planes.size(), plane = sight_.mask().plane_number(head % p.heads);
      const auto sequence = static_cast<size_t>(sequences > 1 ? head / p.heads : 0);
      flops_ += 2.0 * static_cast<double>(3 * p.head_dim + 2 * p.value_dim) * pairs[sequence * planes + plane];
    }

    // dQ is summed where it is to be, or in rows of whole vectors of f32, for as many kv heads as are worked on at the same time.
    const auto stride = static_cast<int64_t>(kernel_.dq_stride(p));
    const int64_t group = p.heads / p.kv_heads, kv_heads = p.batch * p.kv_heads;
    const bool is_aligned = reinterpret_cast<uintptr_t>(operands_.dq) % kScratchAlignment == 0;
    in_place_ = p.dtype == DType::kF32 && stride == p.head_dim && is_aligned;
    slots_ = std::min(kv_heads, 1 + (std::max(threads, 1) + key_blocks_) / std::max<int64_t>(key_blocks_, 1));
    const int64_t dq_floats = in_place_ ? 0 : slots_ * group * p.queries * stride;
    memory_ = std::make_unique<Kept>(static_cast<size_t>(2 * rows + dq_floats + 64) * sizeof(float));
    dq_ = static_cast<float*>(memory_->at());
    delta_ = dq_ + (dq_floats + 15) / 16 * 16;
    log_sum_exp2_ = delta_ + rows;
    turns_ = std::make_unique<std::atomic<int32_t>[]>(static_cast<size_t>(heads * query_blocks_));
    done_ = std::make_unique<std::atomic<int64_t>[]>(static_cast<size_t>(kv_heads));
    if (operands_.d_sinks) sink_shares_.resize(static_cast<size_t>(heads * rows_tasks_));
  }

  void prepare(int64_t task) {
    const Problem& p = problem_;
    const int64_t head = task / rows_tasks_, first = task % rows_tasks_ * kRowsTask, count = std::min(kRowsTask, p.queries - first);
    const int64_t row = head * p.queries + first;
    kernel_.prepare(p, operands_, row, count, delta_ + row, log_sum_exp2_ + row);
    const Visits& visits = visits_of(head);
    const size_t bytes = static_cast<size_t>(p.head_dim) * (p.dtype == DType::kF32 ? 4 : 2);
    for (int64_t block = first / kBackwardQueries; block * kBackwardQueries < first + count; block++) {
      const int32_t turn = visits.first[static_cast<size_t>(block)];
      turns_[head * query_blocks_ + block] = turn;
      if (turn < key_blocks_) continue;
      // No key's block ever comes.
      char* out = static_cast<char*>(operands_.dq) + static_cast<size_t>(head * p.queries + block * kBackwardQueries) * bytes;
      memset(out, 0, static_cast<size_t>(queries_of(block)) * bytes);
    }
    if (!operands_.d_sinks) return;
    const float sink = operands_.sinks[head % p.heads];
    double share = 0;
    for (int64_t i = row; i < row + count; i++)
      if (sink != -INFINITY && operands_.log_sum_exp[i] != -INFINITY)
        share += std::exp(static_cast<double>(sink) - static_cast<double>(operands_.log_sum_exp[i])) * static_cast<double>(delta_[i]);
    sink_shares_[static_cast<size_t>(task)] = share;
  }

  void sum_sinks() {
    for (int64_t head = 0; head < problem_.heads; head++) {
      double sum = 0;
      for (int64_t sequence = 0; sequence < problem_.batch; sequence++)
        for (int64_t n = 0; n < rows_tasks_; n++)
          sum += sink_shares_[static_cast<size_t>((sequence * problem_.heads + head) * rows_tasks_ + n)];
      operands_.d_sinks[head] = static_cast<float>(-sum);
    }
  }

  // A block of keys meets the queries in their order; a block of queries takes blocks of keys in theirs, so that sums have one order
  // whatever runs when. A task waits only for tasks of lower number.
  void keys(int64_t task, void* scratch) {
    const Problem& p = problem_;
    const int64_t kv_head = task / key_blocks_, block = task % key_blocks_, group = p.heads / p.kv_heads;
    const auto stride = static_cast<int64_t>(kernel_.dq_stride(p));
    if (kv_head >= slots_ && !in_place_) wait_for([&] { return done_[kv_head - slots_].load(std::memory_order_acquire) == key_blocks_; });
    const Keys keys{block * kBackwardKeys, std::min(p.keys, (block + 1) * kBackwardKeys)};
    kernel_.begin_keys(p, operands_, kv_head, keys, scratch);
    for (int64_t n = 0; n < group; n++) {
      const int64_t head = kv_head * group + n;
      const View view = sight_.view_of(head);
      const Visits& visits = visits_of(head);
      float* dq = in_place_ ? static_cast<float*>(operands_.dq) + head * p.queries * stride
                            : dq_ + (kv_head % slots_ * group + n) * p.queries * stride;
      for (const Blocks& blocks : visits.of_keys[static_cast<size_t>(block)])
        for (int64_t q = blocks.begin; q < blocks.end; q++) {
          const int64_t first = q * kBackwardQueries, row = head * p.queries + first;
          const Visit visit{head, first, queries_of(q), keys, delta_ + row, log_sum_exp2_ + row};
          kernel_.visit(p, view, operands_, visit, scratch);
          std::atomic<int32_t>& turn = turns_[head * query_blocks_ + q];
          wait_for([&] { return turn.load(std::memory_order_acquire) == block; });
          const int64_t next = next_keys(view, rows_of(view, q), block + 1);
          kernel_.add_dq(p, operands_, visit, dq + first * stride, visits.first[static_cast<size_t>(q)] == block, next == key_blocks_, scratch);
          turn.store(static_cast<int32_t>(next), std::memory_order_release);
        }
    }
    kernel_.end_keys(p, operands_, kv_head, keys, scratch);
    done_[kv_head].fetch_add(1, std::memory_order_release);
  }

  const Kernel& kernel_;
  const Problem problem_;
  const BackwardOperands operands_;
  const Sight sight_;
  std::vector<Visits> visits_;  // by sequence, where they differ, and plane
  int64_t key_blocks_ = 0, query_blocks_ = 0, rows_tasks_ = 0, slots_ = 0;
  bool in_place_ = false;
  std::unique_ptr<Kept> memory_;
  float *dq_ = nullptr, *delta_ = nullptr, *log_sum_exp2_ = nullptr;
  std::unique_ptr<std::atomic<int32_t>[]> turns_;  // by head and block of queries: the block of keys that adds to its dQ next
  std::unique_ptr<std::atomic<int64_t>[]> done_;   // blocks of keys of each kv head
  std::vector<double> sink_shares_;                // by head and task of phase 0
  double flops_ = 0;
};

}  // namespace

std::unique_ptr<Job> backward_job(const Kernel& kernel, const Problem& problem, Mask mask, const BackwardOperands& operands, int threads) {
  return std::make_unique<Backward>(kernel, problem, std::move(mask), operands, threads);
}

}  // namespace attention
